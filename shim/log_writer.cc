// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_writer.h"

#include <algorithm>

namespace davit {

void LogWriter::BeginLine(size_t bytes) {
  if (bytes > batch_.size() - used_) Flush();
}

void LogWriter::Append(std::string_view text) {
  size_t part = std::min(text.size(), batch_.size() - used_);
  std::copy_n(text.begin(), part, batch_.data() + used_);
  used_ += part;
}

void LogWriter::Flush() {
  std::string_view rest(batch_.data(), used_);
  used_ = 0;
  if (rest.empty() || !file_) return;
  // Readers resynchronise at a newline.
  if (torn_ && TEMP_FAILURE_RETRY(write(file_.get(), "\n", 1)) == 1) torn_ = false;
  size_t written = 0;
  while (written < rest.size()) {
    ssize_t n = TEMP_FAILURE_RETRY(write(file_.get(), rest.data() + written, rest.size() - written));
    if (n <= 0) {
      dropped_bytes_ += rest.size() - written;
      if (written > 0) torn_ = rest[written - 1] != '\n';
      return;
    }
    written += static_cast<size_t>(n);
  }
}

}  // namespace davit
