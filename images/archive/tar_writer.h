// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Writes a tar archive as a stream (POSIX pax, "pax Interchange Format").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/archive/byte_sink.h"

namespace davit::images {

// The bytes depend on names and contents only: every member has owner 0, mode 0644 or 0755, and the time 0.
// Not thread-safe.
class TarWriter {
 public:
  // `sink` must outlive the writer.
  explicit TarWriter(ByteSink& sink) : sink_(sink) {}

  Result<> AddDirectory(const std::string& name);
  Result<> AddFile(const std::string& name, std::string_view content);

  // A file in pieces: Write until it has `size` bytes. kInternal if it is begun before the last one is
  // complete, or gets more.
  Result<> BeginFile(const std::string& name, int64_t size);
  Result<> Write(std::string_view piece);

  // Writes the end mark. kInternal if a file is not complete.
  Result<> Finish();

 private:
  Result<> Header(const std::string& name, int64_t size, char type);
  Result<> CheckComplete() const;

  ByteSink& sink_;
  int64_t missing_ = 0;  // bytes of the current file
  size_t padding_ = 0;   // after it
};

}  // namespace davit::images
