// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Columns of text.
#pragma once

#include <string>
#include <vector>

namespace davit::cli {

class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row header) : rows_{std::move(header)} {}

  // One cell per column of the header; missing cells are empty, excess cells are discarded.
  void Add(Row row);

  // A line per row, the header first. Columns are as wide as their widest cell, three spaces apart; an empty
  // cell is "-", and no line ends in a space. Control characters are replaced.
  std::string ToString() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace davit::cli
