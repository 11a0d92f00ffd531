// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/live_block.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <charconv>

namespace davit::cli {
namespace {

using ::testing::ElementsAre;

// A terminal that knows the sequences that LiveBlock uses, and wraps long lines again when it becomes
// narrower.
class Terminal {
 public:
  explicit Terminal(TerminalSize size) : size_(size) {}

  void Write(std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\x1b')
        i = Control(text, i + 2);
      else if (text[i] == '\r')
        column_ = 0;
      else if (text[i] == '\n')
        NextRow();
      else
        Put(text[i]);
    }
  }

  // All rows, those above the screen included. An empty row at the end is the cursor's.
  const std::vector<std::string>& rows() const { return rows_; }
  TerminalSize size() const { return size_; }

  void Narrow(size_t columns) {
    size_.columns = columns;
    std::vector<std::string> old = std::move(rows_);
    rows_.clear();
    for (const std::string& row : old) {
      for (size_t at = 0; at == 0 || at < row.size(); at += columns) rows_.push_back(row.substr(at, columns));
    }
    row_ = rows_.size() - 1;  // the cursor is on the last row
  }

 private:
  size_t Control(std::string_view text, size_t i) {
    size_t number = 1;
    auto end = std::from_chars(text.data() + i, text.data() + text.size(), number).ptr;
    i = static_cast<size_t>(end - text.data());
    size_t top = rows_.size() > size_.rows ? rows_.size() - size_.rows : 0;
    if (text[i] == 'A') row_ = std::max(top, row_ - std::min(row_, number));
    if (text[i] == 'K') rows_[row_].resize(std::min(column_, rows_[row_].size()));
    if (text[i] == 'J') {
      rows_[row_].resize(std::min(column_, rows_[row_].size()));
      rows_.resize(row_ + 1);
    }
    return i;
  }
  void NextRow() {
    ++row_;
    column_ = 0;
    if (row_ == rows_.size()) rows_.emplace_back();
  }
  void Put(char c) {
    if (column_ == size_.columns) NextRow();
    if (rows_[row_].size() <= column_) rows_[row_].resize(column_ + 1, ' ');
    rows_[row_][column_++] = c;
  }

  TerminalSize size_;
  std::vector<std::string> rows_{""};
  size_t row_ = 0;
  size_t column_ = 0;
};

class LiveBlockTest : public ::testing::Test {
 protected:
  LiveBlockTest() { terminal_.Write("before\n"); }
  void Draw(const std::vector<std::string>& lines) { terminal_.Write(block_.Draw(lines, terminal_.size())); }

  Terminal terminal_{{.columns = 20, .rows = 12}};
  LiveBlock block_;
};

TEST_F(LiveBlockTest, ReplacesItsLines) {
  Draw({"one: long text", "two"});
  Draw({"one", "two: more"});
  EXPECT_THAT(terminal_.rows(), ElementsAre("before", "one", "two: more", ""));
}

TEST_F(LiveBlockTest, GrowsAndShrinks) {
  Draw({"one"});
  Draw({"one", "two", "three"});
  EXPECT_THAT(terminal_.rows(), ElementsAre("before", "one", "two", "three", ""));
  Draw({"three"});
  EXPECT_THAT(terminal_.rows(), ElementsAre("before", "three", ""));
}

TEST_F(LiveBlockTest, CutsALineToOneRow) {
  Draw({std::string(50, 'x'), "two"});
  Draw({std::string(50, 'y'), "two"});
  EXPECT_THAT(terminal_.rows(), ElementsAre("before", std::string(19, 'y'), "two", ""));
}

TEST_F(LiveBlockTest, ReplacesWhatANarrowerTerminalHasWrapped) {
  Draw({"0123456789abcdefgh", "two", "ABCDEFGHIJ"});
  terminal_.Narrow(8);
  Draw({"one", "two", "three"});
  EXPECT_THAT(terminal_.rows(), ElementsAre("before", "one", "two", "three", ""));
}

TEST_F(LiveBlockTest, GoesOnWhenTheTerminalBecomesWider) {
  terminal_.Narrow(8);
  Draw({"0123456789", "two"});
  terminal_.Narrow(40);  // no line is wrapped, so none changes
  Draw({"0123456789", "two"});
  EXPECT_THAT(terminal_.rows(), ElementsAre("before", "0123456789", "two", ""));
}

TEST_F(LiveBlockTest, HasNoMoreLinesThanTheScreen) {
  Terminal low({.columns = 20, .rows = 5});
  low.Write("before\n");
  for (int i = 0; i < 3; ++i) low.Write(block_.Draw({"1", "2", "3", "4", "5", "6"}, low.size()));
  EXPECT_THAT(low.rows(), ElementsAre("before", "1", "2", "3", "4", ""));
}

}  // namespace
}  // namespace davit::cli
