// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Connects a client to a process: exec and attach.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "streaming/order.h"
#include "streaming/pumps.h"
#include "streaming/session_context.h"
#include "streaming/status.h"
#include "streaming/window_size.h"

namespace davit::streaming {

// Starts when the client has opened the channels that it asked for. Ends, and reports the result on the error
// channel:
//   an exec     when the command has ended and its output is sent,
//   an attach   when the container's outputs have ended, or when the client's input has ended, unless the
//               container is to see that end.
// When the client disconnects, the descriptors are closed: the process gets the end of its input, EPIPE, or
// SIGHUP from its terminal, and may continue. If a container is to see the end of its first client's input,
// it does so however that client's session ends: by a disconnect, a cut-off, or the server's end.
class RemoteCommand final : public ChannelSession, public std::enable_shared_from_this<RemoteCommand> {
 public:
  // The order is an ExecOrder or an AttachOrder; `version` is as in Handshake.
  RemoteCommand(StreamOrder order, int version, SessionContext context);

  bool OnChannel(ChannelId channel, const ChannelHeaders& headers) override;
  void OnData(ChannelId channel, std::string_view data) override;
  void OnEnd(ChannelId channel) override;
  void OnReset(ChannelId channel) override;
  void OnRoom() override;
  void OnLost() override;
  void OnTick(int64_t now_ms) override;
  bool congested() const override { return in_.congested(); }

 private:
  bool HasAllChannels() const;
  void Begin();
  void OnStreams(Result<ProcessStreams> streams);
  void OnExit(std::optional<int> code);
  void OnOutputEnd();
  void OnInputEnd();
  void MaybeEnd();
  void End(const StreamEnd& end);
  void CloseContainerInput();
  void LetGo();
  bool is_attach() const { return std::holds_alternative<AttachOrder>(order_); }
  bool WasCutOff() const;

  const StreamOrder order_;
  const StreamSet wanted_;
  const int version_;
  SessionContext context_;
  int64_t deadline_ms_;  // for the client to open its channels

  std::optional<ChannelId> error_;
  std::optional<ChannelId> stdin_;
  std::optional<ChannelId> stdout_;
  std::optional<ChannelId> stderr_;
  std::optional<ChannelId> resize_;

  bool begun_ = false;
  bool started_ = false;
  bool done_ = false;
  std::optional<std::optional<int>> exit_;
  int64_t exited_at_ms_ = 0;
  InputPump in_;
  OutputPump out_;
  OutputPump err_;
  UniqueFd terminal_;
  UniqueFd cut_off_;
  bool close_input_at_end_ = false;
  WindowSizeReader sizes_;
  std::optional<WindowSize> size_;
};

}  // namespace davit::streaming
