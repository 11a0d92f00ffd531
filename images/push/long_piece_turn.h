// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bounds the memory of a push to a registry that wants long pieces.
#pragma once

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/interrupt.h"

namespace davit::images {

// The uploads of one push share it: one of them at a time may keep a longer piece in memory than
// UploadLimits::piece_bytes. Thread-safe.
class LongPieceTurn {
 public:
  // Blocks while another upload has the turn. kCancelled.
  Result<> Take(const Interrupt& interrupt);
  void Return();

 private:
  Mutex mutex_;
  CondVar returned_;
  bool taken_ GUARDED_BY(mutex_) = false;
};

}  // namespace davit::images
