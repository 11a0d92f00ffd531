// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Accepts the connections of a listening socket.
#pragma once

#include <functional>
#include <memory>

#include "base/event_loop.h"

namespace davit {

// Created, called and destroyed on the loop's thread. If accept(2) fails because descriptors or memory have
// run out, the connection stays in the socket's queue and the acceptor pauses for one second; without the
// pause, the level-triggered loop would spin.
class Acceptor {
 public:
  // The connection is non-blocking and closed on exec.
  using OnConnection = std::function<void(UniqueFd connection)>;

  // `listener` must be non-blocking. The loop must outlive the object.
  static Result<std::unique_ptr<Acceptor>> Start(EventLoop& loop, UniqueFd listener,
                                                 OnConnection on_connection);
  // Closes the listener. Queued connections survive only while another descriptor of the socket is open.
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  Acceptor(EventLoop& loop, UniqueFd listener, UniqueFd pause, OnConnection on_connection);
  void Accept();
  void Pause();
  void Continue();

  EventLoop& loop_;
  UniqueFd listener_;
  UniqueFd pause_;  // timerfd
  OnConnection on_connection_;
};

}  // namespace davit
