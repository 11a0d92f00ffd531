// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/row_output.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "cli/table.h"
#include "cli/template.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kTableWord = "table";

// Docker's header of a field: that of its column, or its words.
std::string HeaderIn(const std::vector<Column>& columns, const std::string& field) {
  auto column = std::ranges::find(columns, field, &Column::field);
  return column == columns.end() ? HeaderOfField(field) : column->header;
}

// What is behind "table"; nullopt if the format does not begin with this word.
std::optional<std::string> CellsOf(const std::string& format) {
  if (!format.starts_with(kTableWord)) return std::nullopt;
  std::string rest = format.substr(kTableWord.size());
  if (rest.empty()) return rest;
  bool tab = rest.starts_with("\\t");
  if (!tab && rest[0] != ' ' && rest[0] != '\t') return std::nullopt;
  return rest.substr(tab ? 2 : 1);
}

Result<> PrintTable(const Console& console, const Template& cells, const std::vector<Column>& columns,
                    const std::vector<ListRow>& rows) {
  Table table(Split(cells.Header([&](const std::string& field) { return HeaderIn(columns, field); }), '\t'));
  for (const ListRow& row : rows) table.Add(Split(TRY(cells.Render(row.fields, &row.labels)), '\t'));
  return console.Print(table.ToString());
}

Result<> PrintByTemplate(const Console& console, const std::string& format,
                         const std::vector<Column>& columns, const std::vector<ListRow>& rows) {
  if (std::optional<std::string> cells = CellsOf(format))
    return PrintTable(console, TRY(Template::Parse(*cells)), columns, rows);
  const Template line = TRY(Template::Parse(format == "json" ? "{{json .}}" : format));
  for (const ListRow& row : rows) TRY(console.Print(TRY(line.Render(row.fields, &row.labels)) + "\n"));
  return {};
}

std::vector<ListRow> WithoutLabels(const std::vector<json>& rows) {
  std::vector<ListRow> list;
  for (const json& row : rows) list.push_back({row});
  return list;
}

}  // namespace

Result<std::string> TableOf(const std::vector<Column>& columns, const std::vector<json>& rows) {
  Table::Row header;
  std::vector<Template> cells;
  for (const Column& column : columns) {
    header.push_back(column.header);
    cells.push_back(TRY(Template::Parse("{{." + column.field + "}}")));
  }
  Table table(std::move(header));
  for (const json& row : rows) {
    Table::Row line;
    for (const Template& cell : cells) line.push_back(TRY(cell.Render(row)));
    table.Add(std::move(line));
  }
  return table.ToString();
}

Result<> PrintRows(const Console& console, const std::string& format, const std::vector<Column>& columns,
                   const std::vector<ListRow>& rows) {
  if (!format.empty() && format != kTableWord) return PrintByTemplate(console, format, columns, rows);
  std::vector<json> fields;
  for (const ListRow& row : rows) fields.push_back(row.fields);
  if (console.format == OutputFormat::kJson) return console.PrintJson(fields);
  return console.Print(TRY(TableOf(columns, fields)));
}

Result<> PrintRows(const Console& console, const std::string& format, const std::vector<Column>& columns,
                   const std::vector<json>& rows) {
  return PrintRows(console, format, columns, WithoutLabels(rows));
}

Result<> PrintDocuments(const Console& console, const std::string& format,
                        const std::vector<json>& documents) {
  if (format.empty()) return console.PrintJson(documents);
  return PrintByTemplate(console, format, {}, WithoutLabels(documents));
}

std::string LabelsText(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels)
    text.append(text.empty() ? "" : ",").append(key).append("=").append(value);
  return text;
}

}  // namespace davit::cli
