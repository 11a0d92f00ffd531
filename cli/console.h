// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The outputs of a command: its answer and its remarks.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace davit::cli {

enum class OutputFormat : uint8_t { kTable, kJson };

// The caller owns the descriptors.
struct Console {
  int in = STDIN_FILENO;
  int out = STDOUT_FILENO;
  int err = STDERR_FILENO;
  OutputFormat format = OutputFormat::kTable;

  // Writes an answer to `out`.
  Result<> Print(std::string_view text) const;
  Result<> PrintJson(const nlohmann::json& value) const;

  // Writes a line about progress or a problem to `err`. Write errors are ignored.
  void Remark(std::string_view text) const;
};

}  // namespace davit::cli
