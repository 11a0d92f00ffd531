// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Output of containers that have ended, which is not in their logs yet.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "shim/log_pump.h"

namespace davit::shim {

class LateLogs {
 public:
  // Keeps a pump that is finishing until its log has everything.
  void Adopt(std::unique_ptr<LogPump> pump);

  bool empty() const { return pumps_.empty(); }
  // Calls `on_empty` once, when the last log is written. Call it only if not empty().
  void Await(std::function<void()> on_empty) { on_empty_ = std::move(on_empty); }

 private:
  void OnWritten(LogPump* pump);

  std::unordered_map<LogPump*, std::unique_ptr<LogPump>> pumps_;
  std::function<void()> on_empty_;
};

}  // namespace davit::shim
