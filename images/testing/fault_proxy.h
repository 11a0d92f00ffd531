// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A TCP proxy in front of a real registry that cuts connections and counts what it passes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "images/testing/loopback.h"

namespace davit::images {

class FaultProxy {
 public:
  struct Cut {
    int64_t after = -1;  // bytes of the response that are passed on, head included; -1: all
    bool reset = false;  // end the connection with a reset instead of an end of file
  };
  // Decides about the response to a request. `head` is the request's head. Called on several threads.
  using Rule = std::function<Cut(const std::string& head)>;

  // `host` is "127.0.0.1:PORT" of the server behind.
  FaultProxy(const std::string& host, Rule rule);

  std::string host() const { return service_.host(); }
  int64_t passed_on() const { return passed_on_; }  // bytes from the server to clients
  int cuts() const { return cuts_; }

 private:
  void Pump(const UniqueFd& client);

  const int upstream_;  // port
  const Rule rule_;
  std::atomic<int64_t> passed_on_ = 0;
  std::atomic<int> cuts_ = 0;
  LoopbackService service_;  // last member, because its threads use the others
};

}  // namespace davit::images
