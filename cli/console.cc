// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/console.h"

#include "base/file_io.h"
#include "base/json.h"
#include "cli/text.h"

namespace davit::cli {

Result<> Console::Print(std::string_view text) const {
  return WriteAll(out, text, "standard output");
}

Result<> Console::PrintJson(const nlohmann::json& value) const {
  return Print(davit::PrintJson(value, /*indent=*/2) + "\n");
}

void Console::Remark(std::string_view text) const {
  (void)WriteAll(err, "davit: " + Printable(text) + "\n", "standard error");
}

}  // namespace davit::cli
