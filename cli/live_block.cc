// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/live_block.h"

#include <algorithm>

namespace davit::cli {
namespace {

// Control sequences of ECMA-48.
constexpr char kClearToEndOfLine[] = "\x1b[K";
constexpr char kClearToEndOfScreen[] = "\x1b[J";

std::string Up(size_t rows) {
  return rows == 0 ? "" : "\x1b[" + std::to_string(rows) + "A";
}

}  // namespace

std::string LiveBlock::Draw(const std::vector<std::string>& lines, TerminalSize size) {
  // In the last column the cursor is in a state that terminals treat differently: it stays free.
  size_t most_columns = size.columns > 1 ? size.columns - 1 : 1;
  size_t rows = 0;
  for (size_t width : widths_) rows += std::max<size_t>(1, (width + size.columns - 1) / size.columns);
  std::string text = "\r" + Up(std::min(rows, MostLines(size)));
  widths_.clear();
  for (size_t i = 0; i < std::min(lines.size(), MostLines(size)); ++i) {
    std::string line = lines[i].substr(0, most_columns);
    widths_.push_back(line.size());
    text += line + kClearToEndOfLine + "\n";
  }
  return text + kClearToEndOfScreen;
}

}  // namespace davit::cli
