// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lists of objects with Docker's fields, printed as a table, as JSON or by a template.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/console.h"

namespace davit::cli {

// A column of a table, and the field that is in it.
struct Column {
  std::string header;
  std::string field;
};

Result<std::string> TableOf(const std::vector<Column>& columns, const std::vector<nlohmann::json>& rows);

// `format` is "json", a template (template.h), "table " and a template, or empty: then a table with these
// columns, or JSON with the console's format.
Result<> PrintRows(const Console& console, const std::string& format, const std::vector<Column>& columns,
                   const std::vector<nlohmann::json>& rows);

}  // namespace davit::cli
