// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The tokens in streaming URLs. A client that presents one may carry out its order, once, within kLifetime.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "streaming/order.h"

namespace davit::streaming {

// Thread-safe.
class StreamTokens {
 public:
  static constexpr std::chrono::seconds kLifetime{60};
  static constexpr size_t kMaxTokens = 1000;

  using Clock = std::chrono::steady_clock;

  // Returns 128 random bits in hexadecimal. kResourceExhausted while kMaxTokens tokens are waiting for their
  // clients.
  Result<std::string> Issue(StreamOrder order, Clock::time_point now = Clock::now()) EXCLUDES(mutex_);
  // Returns the order on the first call within kLifetime, else nullopt.
  std::optional<StreamOrder> Redeem(const std::string& token, Clock::time_point now = Clock::now())
      EXCLUDES(mutex_);

 private:
  struct Waiting {
    StreamOrder order;
    Clock::time_point until;
  };
  Mutex mutex_;
  std::map<std::string, Waiting> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit::streaming
