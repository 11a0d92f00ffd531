// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How much work an image may cause in the daemon after its layers were unpacked.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/error.h"
#include "images/interrupt.h"

namespace davit::images {

// One object per pull. A step is one name that is looked up in one layer: a few system calls. A tar entry of
// one compressed byte can name a path of hundreds of directories, each to be looked up in hundreds of layers,
// so the steps are limited by the number of entries. Not thread-safe.
class FixUpBudget {
 public:
  // Up to 0.2 s of processor time.
  static constexpr uint64_t kStepsPerPull = 64 << 10;
  // Enough for a new directory in each entry, in an image of dozens of layers.
  static constexpr uint64_t kStepsPerEntry = 64;
  // Directories without an entry: to complete one, record it and delete it again takes 30 times as long as a
  // step. Enough for 100 layers of one file, 36 directories deep.
  static constexpr uint64_t kDirectoriesPerPull = 2000;
  static constexpr uint64_t kDirectoriesPerEntry = 16;

  // `interrupt` must outlive the object.
  explicit FixUpBudget(const Interrupt& interrupt, uint64_t steps = kStepsPerPull)
      : interrupt_(interrupt), left_(steps) {}

  // Adds what a layer with so many entries may take. The count comes from the unpacker, which is not trusted.
  void AddLayer(uint64_t entries) {
    entries = std::min(entries, kMostEntries);
    left_ += entries * kStepsPerEntry;
    directories_left_ += entries * kDirectoriesPerEntry;
  }

  // Takes directories that have no entry in the layer. kResourceExhausted if fewer are left.
  Result<> TakeDirectories(uint64_t number) {
    if (number > directories_left_) {
      return Fail(Code::kResourceExhausted, "complete layer", "",
                  "it has too many directories without an entry of their own");
    }
    directories_left_ -= number;
    return {};
  }

  // Takes one step. kCancelled if the pull is no longer wanted; kResourceExhausted if no step is left.
  Result<> Step() {
    if (left_ == 0) {
      return Fail(Code::kResourceExhausted, "complete layer", "",
                  "its implicit directories and hard links need too many lookups in the layers below");
    }
    --left_;
    return ++taken_ % kStepsPerCheck == 0 ? interrupt_.Check() : Result<>();
  }

  // For work that is not counted in steps, such as copying: kCancelled if the pull is no longer wanted.
  Result<> CheckWanted() const { return interrupt_.Check(); }

 private:
  static constexpr uint64_t kMostEntries = 16 << 20;
  static constexpr uint64_t kStepsPerCheck = 64;

  const Interrupt& interrupt_;
  uint64_t left_;
  uint64_t directories_left_ = kDirectoriesPerPull;
  uint64_t taken_ = 0;
};

}  // namespace davit::images
