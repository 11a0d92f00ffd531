// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Takes the connections that arrive at a listening socket.
#pragma once

#include <functional>
#include <memory>

#include "base/event_loop.h"

namespace davit {

// Made, called and destroyed on its loop's thread. Without a descriptor for it a connection stays in the
// socket's queue, and a second later it is tried again: a level-triggered loop would do nothing else until
// then.
class Acceptor {
 public:
  // The connection is non-blocking and closed on exec.
  using OnConnection = std::function<void(UniqueFd connection)>;

  // `listener` is non-blocking; the loop outlives the object.
  static Result<std::unique_ptr<Acceptor>> Start(EventLoop& loop, UniqueFd listener,
                                                 OnConnection on_connection);
  // Whoever is in the queue stays there for as long as somebody else holds the socket.
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
