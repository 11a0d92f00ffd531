// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lists of objects with Docker's fields, printed as a table, as JSON or by a template.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/console.h"

namespace davit::cli {

// A column of a table, and the field that is in it.
struct Column {
  std::string header;
  std::string field;
};

struct ListRow {
  nlohmann::json fields;
  std::map<std::string, std::string> labels = {};  // for {{.Label "key"}}
};

Result<std::string> TableOf(const std::vector<Column>& columns, const std::vector<nlohmann::json>& rows);

// `format` is "json", a template (template.h), "table " and a template, or empty or "table": then a table
// with these columns, or JSON with the console's format. A template is checked also if there are no rows.
Result<> PrintRows(const Console& console, const std::string& format, const std::vector<Column>& columns,
                   const std::vector<ListRow>& rows);

// For objects without labels.
Result<> PrintRows(const Console& console, const std::string& format, const std::vector<Column>& columns,
                   const std::vector<nlohmann::json>& rows);

// What inspect has found: one JSON list, or by a template a line for each document.
Result<> PrintDocuments(const Console& console, const std::string& format,
                        const std::vector<nlohmann::json>& documents);

// "a=b,c=d".
std::string LabelsText(const std::map<std::string, std::string>& labels);

}  // namespace davit::cli
