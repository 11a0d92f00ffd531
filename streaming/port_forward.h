// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Connects a client to ports of a pod.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "streaming/order.h"
#include "streaming/pumps.h"
#include "streaming/session_context.h"

namespace davit::streaming {

// Forwards any number of connections. The client opens two channels for each, with the same request id:
// "error", on which only the server sends, and only after a failure, and "data". Each side may end its
// direction first.
class PortForward final : public ChannelSession, public std::enable_shared_from_this<PortForward> {
 public:
  // kWhenAllEnded: all channels exist from the beginning, so the session ends with the last of them.
  enum class Finish { kNever, kWhenAllEnded };
  PortForward(ForwardOrder order, Finish finish, SessionContext context)
      : order_(std::move(order)), finish_(finish), context_(std::move(context)) {}

  bool OnChannel(ChannelId channel, const ChannelHeaders& headers) override;
  void OnData(ChannelId channel, std::string_view data) override;
  void OnEnd(ChannelId channel) override;
  void OnReset(ChannelId channel) override;
  void OnRoom() override;
  void OnLost() override { forwards_.clear(); }
  void OnTick(int64_t now_ms) override;
  bool congested() const override;

 private:
  // One forwarded connection, identified by its request id.
  struct Forward {
    Forward(PortForward& session, std::string request_id, uint16_t forwarded_port);
    ~Forward() { StopConnecting(); }

    void StopConnecting();
    bool has_both() const { return data.has_value() && error.has_value(); }

    PortForward& owner;
    EventLoop& loop;
    const std::string id;
    const uint16_t port;
    const int64_t opened_ms;
    std::optional<ChannelId> data;
    std::optional<ChannelId> error;
    bool opened = false;            // it has got its sockets
    std::vector<UniqueFd> sockets;  // not tried yet
    UniqueFd connecting;
    std::string last_failure;
    bool input_ended = false;
    InputPump in;
    OutputPump out;
  };
  using Opened = std::pair<std::string, std::shared_ptr<Result<std::vector<UniqueFd>>>>;

  Forward* Find(ChannelId data_channel);
  Forward* FindIncomplete(ChannelId error_channel);
  void Begin(Forward& forward);
  void OnSockets(Opened opened);
  void ConnectNext(Forward& forward);
  void OnConnected(Forward& forward);
  void OnTargetEnd(Forward& forward);
  void MaybeForget(const std::string& id);
  void Fail(const std::string& id, const std::string& why);
  void Forget(const std::string& id);

  const ForwardOrder order_;
  const Finish finish_;
  SessionContext context_;
  std::map<std::string, std::unique_ptr<Forward>> forwards_;
};

}  // namespace davit::streaming
