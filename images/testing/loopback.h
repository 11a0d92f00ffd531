// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sockets on loopback for the servers of tests.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace davit::images {

// An invalid descriptor if nobody listens there.
UniqueFd ConnectToLoopback(int port);

// Listens on a free port of 127.0.0.1 and calls `serve` for each connection, on a thread of its own. The
// destructor closes the other end of stop() and joins all threads, so `serve` must return then. `serve` may
// use this object and whatever outlives it.
class LoopbackService {
 public:
  using Serve = std::function<void(UniqueFd connection)>;

  // Throws std::runtime_error.
  explicit LoopbackService(Serve serve);
  ~LoopbackService();
  LoopbackService(const LoopbackService&) = delete;
  LoopbackService& operator=(const LoopbackService&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  int stop() const { return stop_read_.get(); }

 private:
  void Accept();

  const Serve serve_;
  UniqueFd listener_;
  int port_ = 0;
  UniqueFd stop_read_;
  UniqueFd stop_write_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

// Waits until `fd` is readable; false if `stop` is closed at its other end first.
bool WaitReadable(int fd, int stop);

// Makes close(2) send a reset and discard what was not delivered yet (SO_LINGER, socket(7)).
void ResetOnClose(int fd);

// False if the peer has closed.
bool SendAll(int fd, const char* data, size_t size);

}  // namespace davit::images
