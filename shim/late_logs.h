// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Output of containers that are gone, whose logs have not taken it yet.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "shim/log_pump.h"

namespace davit {

class LateLogs {
 public:
  // Goes on with a pump that is finishing until its log has everything.
  void Adopt(std::unique_ptr<LogPump> pump);

  bool empty() const { return pumps_.empty(); }
  // Calls `on_empty` once when the last one is written.
  void Await(std::function<void()> on_empty) { on_empty_ = std::move(on_empty); }

 private:
  void OnWritten(LogPump* pump);

  std::unordered_map<LogPump*, std::unique_ptr<LogPump>> pumps_;
  std::function<void()> on_empty_;
};

}  // namespace davit
