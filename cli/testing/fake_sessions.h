// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: the session socket of a daemon that runs nothing (shim/session.h).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

// The daemon's ends of what a client sees of a container.
struct FakeStreams {
  UniqueFd out;
  UniqueFd err;
  UniqueFd cut_off;
};

class FakeSessions {
 public:
  // Listens on the session socket of the daemon's socket `daemon`; gives a token to every client.
  explicit FakeSessions(const std::string& daemon);
  ~FakeSessions();
  FakeSessions(const FakeSessions&) = delete;
  FakeSessions& operator=(const FakeSessions&) = delete;

  // Sends the client that got the token its streams. kNotFound if none has.
  Result<FakeStreams> Begin(const std::string& token);

 private:
  void Serve();

  UniqueFd listener_;
  std::mutex mutex_;  // guards the map
  std::map<std::string, UniqueFd> connections_;
  std::thread thread_;
};

}  // namespace davit::cli
