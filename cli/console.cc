// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/console.h"

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "cli/text.h"

namespace davit::cli {

Result<> Console::Print(std::string_view text) const {
  return WriteAll(out, text, "standard output");
}

Result<> Console::PrintJson(const nlohmann::json& value) const {
  // Texts of others need not be valid UTF-8, over which dump() would throw.
  return Print(value.dump(2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace) + "\n");
}

void Console::Remark(std::string_view text) const {
  (void)WriteAll(err, "davit: " + Printable(text) + "\n", "standard error");
}

}  // namespace davit::cli
