// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where a command's answer and its remarks go.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace davit::cli {

enum class OutputFormat : uint8_t { kTable, kJson };

// The descriptors stay the caller's.
struct Console {
  int out = STDOUT_FILENO;
  int err = STDERR_FILENO;
  OutputFormat format = OutputFormat::kTable;

  // Answers, to `out`.
  Result<> Print(std::string_view text) const;
  Result<> PrintJson(const nlohmann::json& value) const;

  // A line about the progress or about what went wrong on the way, to `err`. Nothing depends on its being
  // read.
  void Remark(std::string_view text) const;
};

}  // namespace davit::cli
