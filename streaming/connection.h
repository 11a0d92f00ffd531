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
#include "streaming/session_context.h"
#include "streaming/targets.h"
#include "streaming/tokens.h"
#include "streaming/wire.h"

namespace davit::streaming {

// What all connections of a server share; it outlives them.
struct ConnectionSetting {
  std::shared_ptr<Reactor> reactor;
  StreamTargets& targets;
  StreamTokens& tokens;
  const Logger& log;
  StreamBuffers buffers;
  int64_t idle_timeout_ms;
  int64_t creation_timeout_ms;
  int64_t request_timeout_ms;
  std::shared_ptr<bool> serving = std::make_shared<bool>(true);  // as in SessionContext
};

// The owner of a connection; it outlives the connection.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // Returns false if the limit of streams is reached.
  virtual bool HasRoomForStream() const = 0;
  // The client has presented a valid token.
  virtual void OnAuthenticated(uint64_t connection) = 0;
  // The connection has closed. It must be destroyed, but not inside the call.
  virtual void OnClosed(uint64_t connection) = 0;
};

// Used on the reactor's thread only. An exception closes this connection and no other.
class Connection final : private Wire::Listener {
 public:
  // `number` identifies the connection to its owner.
  Connection(ConnectionSetting& setting, std::unique_ptr<Transport> transport, ConnectionOwner& owner,
             uint64_t number);
  ~Connection() override;

  Result<> Open() { return wire_.Open(); }

  // Ends its session, as if the client had disconnected.
  void Close();

  // Called about once a second: closes a connection whose client is silent for too long, or too slow to send
  // its request or to read the last bytes.
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
  void Tick(int64_t now_ms);
  template <typename Step>
  void CloseOnException(Step step);
  void OnException(const Error& error);

  ConnectionSetting& setting_;
  ConnectionOwner& owner_;
  const uint64_t number_;
  std::string head_;  // of the request, until it is complete
  std::string description_;
  Wire wire_;
  std::unique_ptr<ChannelLink> link_;
  std::shared_ptr<ChannelSession> session_;
  const int64_t opened_ms_;
  bool closed_ = false;
};

}  // namespace davit::streaming
