// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_batch.h"

#include <algorithm>

namespace davit::shim {

void LogBatch::Append(std::string_view part) {
  size_t taken = std::min(part.size(), room_.size() - used_);
  std::copy_n(part.begin(), taken, room_.data() + used_);
  used_ += taken;
}

}  // namespace davit::shim
