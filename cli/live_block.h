// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lines at the end of a terminal's output that are drawn again and again.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace davit::cli {

// Produces the bytes to write; keeps no descriptor. Nothing else may write to the terminal between two
// drawings.
class LiveBlock {
 public:
  // How many lines a block on such a terminal can have: the cursor cannot go back to lines that have left the
  // screen.
  static size_t MostLines(TerminalSize size) { return size.rows > 1 ? size.rows - 1 : 1; }

  // Replaces the block by these lines, at most MostLines of them, each cut to one row. They are ASCII without
  // control characters. A terminal that has become narrower has wrapped the lines of the last drawing onto
  // more rows, as terminals with reflow do; they are replaced, too.
  std::string Draw(const std::vector<std::string>& lines, TerminalSize size);

 private:
  std::vector<size_t> widths_;  // of the lines on the screen
};

}  // namespace davit::cli
