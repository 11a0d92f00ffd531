// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Undoing what an operation has done when a later step fails.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace davit {

// Each step registers its undo right after it succeeded. When the object goes out of scope the undos run,
// last one first, unless Dismiss was called. An undo must not fail: it logs, or leaves the rest to recovery.
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
  // The operation succeeded: nothing is undone.
  void Dismiss() { undos_.clear(); }

 private:
  void Run() {
    while (!undos_.empty()) {
      std::function<void()> undo = std::move(undos_.back());
      undos_.pop_back();
      undo();
    }
  }

  std::vector<std::function<void()>> undos_;
};

}  // namespace davit
