// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/row_output.h"

#include <nlohmann/json.hpp>

#include "cli/table.h"
#include "cli/template.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr char kTablePrefix[] = "table ";

Result<> PrintEach(const Console& console, const std::string& format, const std::vector<json>& rows) {
  for (const json& row : rows) TRY(console.Print(TRY(RenderTemplate(format, row)) + "\n"));
  return {};
}

Result<> PrintByTemplate(const Console& console, const std::string& format, const std::vector<json>& rows) {
  if (format == "json") return PrintEach(console, "{{json .}}", rows);
  if (!format.starts_with(kTablePrefix)) return PrintEach(console, format, rows);
  std::string cells = format.substr(sizeof kTablePrefix - 1);
  Table table(Split(HeaderOfTemplate(cells), '\t'));
  for (const json& row : rows) table.Add(Split(TRY(RenderTemplate(cells, row)), '\t'));
  return console.Print(table.ToString());
}

}  // namespace

Result<std::string> TableOf(const std::vector<Column>& columns, const std::vector<json>& rows) {
  Table::Row header;
  for (const Column& column : columns) header.push_back(column.header);
  Table table(std::move(header));
  for (const json& row : rows) {
    Table::Row cells;
    for (const Column& column : columns)
      cells.push_back(TRY(RenderTemplate("{{." + column.field + "}}", row)));
    table.Add(std::move(cells));
  }
  return table.ToString();
}

Result<> PrintRows(const Console& console, const std::string& format, const std::vector<Column>& columns,
                   const std::vector<json>& rows) {
  if (!format.empty()) return PrintByTemplate(console, format, rows);
  if (console.format == OutputFormat::kJson) return console.PrintJson(rows);
  return console.Print(TRY(TableOf(columns, rows)));
}

}  // namespace davit::cli
