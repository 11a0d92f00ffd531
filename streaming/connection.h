// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One client, from its request to the end of its streams.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/reactor.h"
#include "streaming/channels.h"
#include "streaming/handshake.h"
#include "streaming/targets.h"
#include "streaming/session_context.h"
#include "streaming/tokens.h"
#include "streaming/wire.h"

namespace davit {

// What all connections of a server share; it outlives them.
struct ConnectionSetting {
  std::shared_ptr<Reactor> reactor;
  StreamTargets& targets;
  StreamTokens& tokens;
  const Logger& log;
  StreamBuffers buffers;
  int64_t idle_timeout_ms;
  int64_t creation_timeout_ms;
};

// On the reactor's thread only.
class Connection final : private Wire::Listener {
 public:
  // `on_closed`: the connection is to be destroyed, but not inside the call.
  Connection(ConnectionSetting& setting, std::unique_ptr<Transport> transport,
             std::function<void()> on_closed);
  ~Connection() override;

  Result<> Open() { return wire_.Open(); }

  // About once a second: a client that says nothing for too long is left.
  void OnTick(int64_t now_ms);

 private:
  void OnBytes(std::span<char> bytes) override;
  void OnRoom() override;
  void OnLost() override;

  void TakeHead(std::span<char> bytes);
  std::expected<void, std::string> Upgrade(const HttpRequest& request);
  void BeginSession(const Handshake& handshake, StreamOrder order);
  SessionContext Context();
  void BeginRemoteCommand(const Handshake& handshake, StreamOrder order);
  void BeginPortForward(const Handshake& handshake, ForwardOrder order);
  void Feed(std::span<char> bytes);
  void Close();

  ConnectionSetting& setting_;
  std::function<void()> on_closed_;
  std::string head_;  // of the request, until it is complete
  std::string description_;
  Wire wire_;
  std::unique_ptr<ChannelLink> link_;
  std::shared_ptr<ChannelSession> session_;
  const int64_t opened_ms_;
  bool closed_ = false;
};

}  // namespace davit
