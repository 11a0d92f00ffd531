// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/progress.h"

#include "base/file_io.h"
#include "cli/text.h"

namespace davit::cli::compose {

void Progress::Say(const std::string& kind, const std::string& name, const std::string& what) {
  std::lock_guard lock(mutex_);
  (void)WriteAll(console_.err, " " + kind + " " + Printable(name) + "  " + what + "\n", "standard error");
}

void Progress::Remark(const std::string& text) {
  std::lock_guard lock(mutex_);
  console_.Remark(text);
}

}  // namespace davit::cli::compose
