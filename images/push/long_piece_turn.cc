// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/push/long_piece_turn.h"

#include <chrono>

namespace davit::images {

Result<> LongPieceTurn::Take(const Interrupt& interrupt) {
  MutexLock lock(mutex_);
  while (taken_) {
    TRY(interrupt.Check());
    returned_.WaitUntil(mutex_,
                        std::chrono::steady_clock::now() + std::chrono::milliseconds(Interrupt::kAskEveryMs));
  }
  taken_ = true;
  return {};
}

void LongPieceTurn::Return() {
  MutexLock lock(mutex_);
  taken_ = false;
  returned_.NotifyAll();
}

}  // namespace davit::images
