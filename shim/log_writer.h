// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A CRI log file (Kubernetes' "CRI logging" format): batches of whole lines, appended.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/unique_fd.h"

namespace davit {

// Scratch space that all containers of a shim share: it has one thread, and every batch ends with a flush.
// Pages are only touched as far as output comes in bulk.
struct LogBuffers {
  static constexpr size_t kReadBytes = 64 << 10;
  static constexpr size_t kBatchBytes = 64 << 10;
  std::unique_ptr<char[]> read = std::make_unique_for_overwrite<char[]>(kReadBytes);
  std::unique_ptr<char[]> batch = std::make_unique_for_overwrite<char[]>(kBatchBytes);
};

// Never waits for room: what the file does not take (a full disk) is dropped and counted, because a container
// must not stand still for its log.
class LogWriter {
 public:
  // `file` may be empty: everything is dropped, and not counted.
  LogWriter(UniqueFd file, std::span<char> batch) : file_(std::move(file)), batch_(batch) {}

  // Makes room for a line of `bytes`, which must fit the batch; then the line is appended in parts.
  void BeginLine(size_t bytes);
  void Append(std::string_view text);
  // Writes what was appended. To be called before another writer uses the same batch space.
  void Flush();

  void Replace(UniqueFd file) { file_ = std::move(file); }
  uint64_t dropped_bytes() const { return dropped_bytes_; }

 private:
  UniqueFd file_;
  std::span<char> batch_;
  size_t used_ = 0;
  uint64_t dropped_bytes_ = 0;
  bool torn_ = false;  // the file ends within a line
};

}  // namespace davit
