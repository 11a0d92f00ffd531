// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The lines of a file.
#pragma once

#include <string_view>

#include "cli/build/dockerfile/problem.h"

namespace davit::cli::dockerfile {

struct SourceLine {
  int number = 0;            // from 1
  std::string_view content;  // without "\n", and without any "\r" before it
  std::string_view whole;    // with its end; the last line of a file may have none
};

class SourceLines {
 public:
  // `text` must outlive the lines. A byte order mark in front is skipped.
  explicit SourceLines(std::string_view text);

  // False at the end. The problem of a line of more than kMaxLineBytes.
  Parsed<bool> Next(SourceLine& line);

  int read() const { return number_; }  // how many lines were read

 private:
  std::string_view rest_;
  int number_ = 0;
};

}  // namespace davit::cli::dockerfile
