// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Compresses a stream (gzip, RFC 1952).
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace davit::local {

// The same input makes the same output, however it is cut into pieces. Not thread-safe.
class GzipOutput {
 public:
  using Sink = std::function<Result<>(std::string_view piece)>;
  explicit GzipOutput(Sink sink);
  ~GzipOutput();

  Result<> Write(std::string_view piece);
  Result<> Finish();

 private:
  struct State;
  Result<> Deflate(std::string_view piece, bool last);

  const Sink sink_;
  const std::unique_ptr<State> state_;
};

}  // namespace davit::local
