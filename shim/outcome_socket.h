// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The socket on which a client waits for the end of one exec (FdRole::kOutcome), or has its session
// (session.h).
#pragma once

#include <functional>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/frame.h"
#include "base/unique_fd.h"
#include "shim/protocol.h"

namespace davit::shim {

class OutcomeSocket {
 public:
  OutcomeSocket(EventLoop& loop, UniqueFd socket) : loop_(loop), socket_(std::move(socket)) {}
  ~OutcomeSocket() { loop_.Remove(socket_.get()); }
  OutcomeSocket(const OutcomeSocket&) = delete;
  OutcomeSocket& operator=(const OutcomeSocket&) = delete;

  // Calls `on_hang_up` once, when the peer has closed.
  Result<> Watch(std::function<void()> on_hang_up);
  // The same for a session; `on_message` is called with what its client sends. Damaged frames are dropped.
  Result<> Converse(std::function<void(const Frame&)> on_message, std::function<void()> on_hang_up);

  // Send one frame. No-op if the peer has closed.
  void Started(const ExecStarted& started, int terminal) const;  // `terminal`: -1 if it has none
  void Failed(const Error& error) const;
  void Ended(const ExecExited& exit) const;

 private:
  // Returns false once the peer has closed.
  bool Hear(const std::function<void(const Frame&)>& on_message) const;

  EventLoop& loop_;
  UniqueFd socket_;
};

}  // namespace davit::shim
