// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Whether the client of a call has left.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <functional>

namespace davit::cri {

// For the threads that work for one synchronous call. Each IsCancelled looks into the queue of the call,
// where reads and writes wait as well, and only six threads may be there at the same time: one more would get
// a wrong answer for its operation (GRPC_MAX_COMPLETION_QUEUE_PLUCKERS). So one thread asks, and the others
// get the last answer. Thread-safe.
class ClientGone {
 public:
  explicit ClientGone(std::function<bool()> is_cancelled) : is_cancelled_(std::move(is_cancelled)) {}
  explicit ClientGone(grpc::ServerContext& context)
      : ClientGone([&context] { return context.IsCancelled(); }) {}

  bool operator()() {
    if (gone_) return true;
    if (asking_.exchange(true)) return false;
    if (is_cancelled_()) gone_ = true;
    asking_ = false;
    return gone_;
  }

 private:
  const std::function<bool()> is_cancelled_;
  std::atomic<bool> gone_ = false;
  std::atomic<bool> asking_ = false;
};

}  // namespace davit::cri
