// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Looks for the sources of mounts when a container is created, so that a mistyped path is refused at once.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace davit::local {

// A source may be on a filesystem that hangs, where not even a signal ends who looks. So each call looks on a
// thread of its own, waits for it a short time only, and at most kMost of them look at a time. What is not
// found out passes: each start looks again, in a process that can be killed. Thread-safe.
class SourceCheck {
 public:
  static constexpr int kMost = 4;

  // 0, or the errno that says why there is no such path.
  using Look = std::function<int(const std::string& path)>;
  explicit SourceCheck(Look look = LookAtHost, std::chrono::milliseconds patience = std::chrono::seconds(2))
      : look_(std::move(look)), patience_(patience), looking_(std::make_shared<std::atomic<int>>(0)) {}

  // kInvalidArgument names the first path that does not exist.
  Result<> Check(const std::vector<std::string>& paths) const;

 private:
  static int LookAtHost(const std::string& path);

  const Look look_;
  const std::chrono::milliseconds patience_;
  const std::shared_ptr<std::atomic<int>> looking_;  // outlives the object while somebody looks
};

}  // namespace davit::local
