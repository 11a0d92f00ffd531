// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/call.h"

namespace davit::cri {

void Spans::Mark(std::string_view step) {
  int64_t now = UnixNanoseconds();
  steps_.emplace_back(step, now - last_);
  last_ = now;
}

std::string Spans::ToString() const {
  std::string text;
  for (const auto& [step, nanoseconds] : steps_) {
    if (!text.empty()) text += ' ';
    text += step;
    text += '=' + std::to_string(nanoseconds / 1000) + "us";
  }
  return text;
}

}  // namespace davit::cri
