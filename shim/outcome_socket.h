// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The socket on which a client waits for the end of one exec (FdRole::kOutcome).
#pragma once

#include <functional>

#include "base/error.h"
#include "base/event_loop.h"
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

  // Send the outcome. No-op if the peer has closed.
  void Failed(const Error& error) const;
  void Ended(const ExecExited& exit) const;

 private:
  EventLoop& loop_;
  UniqueFd socket_;
};

}  // namespace davit::shim
