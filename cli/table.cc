// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/table.h"

#include <algorithm>

#include "cli/text.h"

namespace davit::cli {
namespace {

constexpr size_t kGap = 3;

// Code points: every byte of UTF-8 that does not continue a character begins one.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

void Table::Add(Row row) {
  row.resize(rows_.front().size());
  for (std::string& cell : row) cell = cell.empty() ? "-" : Printable(cell);
  rows_.push_back(std::move(row));
}

std::string Table::ToString() const {
  std::vector<size_t> widths(rows_.front().size());
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const Row& row : rows_) {
    size_t padding = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      text.append(padding, ' ');
      text += row[i];
      padding = widths[i] - Width(row[i]) + kGap;
    }
    text += '\n';
  }
  return text;
}

}  // namespace davit::cli
