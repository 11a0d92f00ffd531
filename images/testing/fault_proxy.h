// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A TCP proxy in front of a real registry that cuts connections and counts what it passes on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

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
  ~FaultProxy();

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  int64_t passed_on() const { return passed_on_; }  // bytes from the server to clients
  int cuts() const { return cuts_; }

 private:
  void Serve();
  void Pump(int client);

  const int upstream_;  // port
  const Rule rule_;
  UniqueFd listener_;
  int port_ = 0;
  UniqueFd stop_read_;
  UniqueFd stop_write_;  // closed to end all threads
  std::atomic<int64_t> passed_on_ = 0;
  std::atomic<int> cuts_ = 0;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace davit::images
