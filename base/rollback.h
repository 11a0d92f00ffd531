// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Undoes the completed steps of an operation when a later step fails.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/guarded.h"

namespace davit {

// Each step registers its undo right after it succeeded. The destructor runs the undos, last one first,
// unless Dismiss was called. An undo must not fail: it logs an error, or leaves the rest to recovery.
// An exception in an undo is logged, and the others run: an exception of the operation itself may be in
// flight.
//
//   Rollback rollback;
//   TRY(Mount(path));
//   rollback.Add([&] { Unmount(path); });
//   TRY(NextStep());
//   rollback.Dismiss();
class Rollback {
 public:
  Rollback() = default;
  ~Rollback() { Run(); }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

  void Add(std::function<void()> undo) { undos_.push_back(std::move(undo)); }
  // The operation succeeded: discards all undos.
  void Dismiss() { undos_.clear(); }

 private:
  void Run() {
    while (!undos_.empty()) {
      std::function<void()> undo = std::move(undos_.back());
      undos_.pop_back();
      RunGuarded("rollback", undo);
    }
  }

  std::vector<std::function<void()>> undos_;
};

}  // namespace davit
