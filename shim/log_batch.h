// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A buffer for complete log lines that are to be written to a file.
#pragma once

#include <span>
#include <string_view>

namespace davit::shim {

class LogBatch {
 public:
  // Every line must fit into `room`, which outlives the batch.
  explicit LogBatch(std::span<char> room = {}) : room_(room) {}

  // Returns whether a line of `bytes` fits; if so, append it in parts. Changes nothing.
  bool BeginLine(size_t bytes) const { return bytes <= room_.size() - used_; }
  void Append(std::string_view part);

  std::string_view text() const { return {room_.data(), used_}; }
  bool empty() const { return used_ == 0; }
  void Clear() { used_ = 0; }

 private:
  std::span<char> room_;
  size_t used_ = 0;
};

}  // namespace davit::shim
