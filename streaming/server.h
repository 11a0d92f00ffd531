// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The HTTP server that clients of Exec, Attach and PortForward connect to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/acceptor.h"
#include "streaming/connection.h"
#include "streaming/transport.h"

namespace davit::streaming {

struct StreamServerOptions {
  std::string address = "127.0.0.1:0";  // numeric; port 0: any that is free
  int64_t idle_timeout_ms = 4LL * 3600 * 1000;
  int64_t creation_timeout_ms = 30'000;  // from one step of opening a stream to the next
  int64_t request_timeout_ms = 10'000;   // from connecting to the whole request; <= creation_timeout_ms
  std::string tls_certificate = {};      // PEM files; both or none
  std::string tls_key = {};
};

// All streams share one thread. It copies bytes between the descriptors of a process and the client's socket,
// and buffers at most some hundred KiB per client: a slow side makes the other side wait.
class StreamServer final : private ConnectionOwner {
 public:
  // The most streams. Further clients with a valid token are refused.
  static constexpr size_t kMaxStreams = 1000;
  // The most clients that have not presented a token yet. A further client replaces the oldest of them: every
  // pod in the host's network can connect, and must not keep out clients that have a token.
  static constexpr size_t kMaxUnauthenticated = 128;

  // The targets and the log outlive the server.
  static Result<std::unique_ptr<StreamServer>> Start(const StreamServerOptions& options,
                                                     StreamTargets& targets, const Logger& log);
  // Ends every stream, but no process.
  ~StreamServer() override;

  // Returns the URL that the client connects to, once, within a minute. kResourceExhausted if too many URLs
  // are unused. Thread-safe.
  Result<std::string> Issue(StreamOrder order);

 private:
  StreamServer(const StreamServerOptions& options, std::shared_ptr<Reactor> reactor, StreamTargets& targets,
               const Logger& log);

  Result<> Listen(const std::string& address);
  Result<> Watch(UniqueFd listener);
  void AddConnection(UniqueFd socket);
  void CloseAll();
  void OnTick();
  void SetTicking(bool ticking);
  bool HasRoomForStream() const override { return streams_.size() < kMaxStreams; }
  void OnAuthenticated(uint64_t connection) override;
  void OnClosed(uint64_t connection) override;

  StreamTokens tokens_;
  ConnectionSetting setting_;
  std::optional<TlsContext> tls_;
  std::string base_url_;
  UniqueFd timer_;
  // Used on the reactor's thread only.
  std::unique_ptr<Acceptor> acceptor_;
  using Connections = std::map<uint64_t, std::unique_ptr<Connection>>;  // in the order of their arrival
  Connections unauthenticated_;
  Connections streams_;
  uint64_t next_connection_ = 1;
};

}  // namespace davit::streaming
