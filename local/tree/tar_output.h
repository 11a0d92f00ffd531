// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Writes a tar archive with all that files have (POSIX pax, "pax Interchange Format"): owners, times,
// extended attributes, devices, hard links, sparse files (GNU's format 1.0).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/unpack/tar_entry.h"

namespace davit::local {

// Not thread-safe.
class TarOutput {
 public:
  using Sink = std::function<Result<>(std::string_view piece)>;
  explicit TarOutput(Sink sink) : sink_(std::move(sink)) {}

  // A file's data follow: `size` bytes, of a sparse file those of its segments. kInternal if data of the
  // entry before are missing.
  Result<> Begin(const images::TarEntry& entry);
  Result<> Write(std::string_view data);
  // In the place of data that do not exist any more.
  Result<> WriteZeros(uint64_t count);

  // The end mark.
  Result<> Finish();

  // Whether the archive cannot be continued, because the sink has failed.
  bool failed() const { return failed_; }

 private:
  Result<> CheckComplete() const;
  Result<> Send(std::string_view piece);

  const Sink sink_;
  bool failed_ = false;
  uint64_t missing_ = 0;  // bytes of the current file
  size_t padding_ = 0;    // after it
};

}  // namespace davit::local
