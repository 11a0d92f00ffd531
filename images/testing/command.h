// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Other programs that tests use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/spawn.h"

namespace davit::images {

// The path of the program in /usr/bin, /usr/sbin, /bin or /sbin; nullopt if it is not installed.
std::optional<std::string> FindProgram(const std::string& name);

// Runs the program and returns its output. If the program fails, the error contains the output. `args`
// excludes the program's name.
Result<std::string> RunProgram(const std::string& name, std::vector<std::string> args);

// Debian's docker-registry on a free port of loopback; the destructor ends it.
class RegistryServer {
 public:
  struct Options {
    std::string storage;      // a directory for this server only
    std::string htpasswd;     // file; empty: no authentication
    std::string certificate;  // PEM files; empty: plain http
    std::string key;
  };

  static Result<RegistryServer> Start(const Options& options);
  RegistryServer(RegistryServer&&) = default;
  RegistryServer& operator=(RegistryServer&&) = delete;
  ~RegistryServer();

  std::string host() const { return "127.0.0.1:" + port_; }

 private:
  RegistryServer(ChildProcess child, UniqueFd log, std::string port)
      : child_(std::move(child)), log_(std::move(log)), port_(std::move(port)) {}

  ChildProcess child_;
  UniqueFd log_;  // read end of its output; kept open so that the server can write
  std::string port_;
};

}  // namespace davit::images
