// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Other programs that tests use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/spawn.h"

namespace davit {

// Where the program lies in /usr/bin, /usr/sbin, /bin or /sbin.
std::optional<std::string> FindProgram(const std::string& name);

// Runs it to its end; an error with its output when it fails. `args` without the program's name.
Result<std::string> RunProgram(const std::string& name, std::vector<std::string> args);

// Debian's docker-registry on a free port of loopback; it ends with its owner.
class RegistryServer {
 public:
  struct Options {
    std::string storage;      // directory of its own
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
  UniqueFd log_;  // read end of its output: open, so that it can go on writing
  std::string port_;
};

}  // namespace davit
