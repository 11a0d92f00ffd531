// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The HTTP server that clients of Exec, Attach and PortForward are sent to.
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

namespace davit {

struct StreamServerOptions {
  std::string address = "127.0.0.1:0";  // numeric; port 0: any that is free
  int64_t idle_timeout_ms = 4LL * 3600 * 1000;
  int64_t creation_timeout_ms = 30'000;  // from one step of opening a stream to the next
  std::string tls_certificate = {};      // PEM files; both or none
  std::string tls_key = {};
};

// All streams share one thread. Bytes go from the descriptors of a process to the client's socket and back,
// with at most some hundred KiB per client in between: whoever is slow makes the other side wait.
class StreamServer {
 public:
  // Connections beyond this are closed at once.
  static constexpr size_t kMaxConnections = 1000;

  // The targets and the log outlive the server.
  static Result<std::unique_ptr<StreamServer>> Start(const StreamServerOptions& options,
                                                     StreamTargets& targets, const Logger& log);
  // Ends every stream, and no process.
  ~StreamServer();

  // Thread-safe: where the client is to connect to, once, within a minute. kResourceExhausted when too many
  // clients have asked and not come.
  Result<std::string> Issue(StreamOrder order);

 private:
  StreamServer(const StreamServerOptions& options, std::shared_ptr<Reactor> reactor, StreamTargets& targets,
               const Logger& log);

  Result<> Listen(const std::string& address);
  Result<> Watch(UniqueFd listener);
  void AddConnection(UniqueFd socket);
  void OnTick();
  void SetTicking(bool ticking);

  StreamTokens tokens_;
  ConnectionSetting setting_;
  std::optional<TlsContext> tls_;
  std::string base_url_;
  UniqueFd timer_;
  // On the reactor's thread.
  std::unique_ptr<Acceptor> acceptor_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t next_connection_ = 1;
};

}  // namespace davit
