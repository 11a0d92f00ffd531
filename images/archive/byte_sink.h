// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where an archive goes: a descriptor, or the messages of a stream.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"
#include "images/interrupt.h"

namespace davit::images {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // An error ends the archive.
  virtual Result<> Write(std::string_view piece) = 0;
};

// A file, pipe or socket. A reader that has closed its end is kUnavailable with EPIPE.
class DescriptorSink : public ByteSink {
 public:
  // `fd` and `interrupt` must outlive the sink; `fd` may be blocking or not.
  DescriptorSink(int fd, const Interrupt& interrupt);

  Result<> Write(std::string_view piece) override;

 private:
  const int fd_;
  const size_t most_at_once_;  // bytes that one write(2) takes without blocking for long
  const Interrupt& interrupt_;
};

}  // namespace davit::images
