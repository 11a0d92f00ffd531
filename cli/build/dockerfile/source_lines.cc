// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/source_lines.h"

#include <algorithm>
#include <string>

#include "cli/build/dockerfile/limits.h"

namespace davit::cli::dockerfile {

SourceLines::SourceLines(std::string_view text) : rest_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

Parsed<bool> SourceLines::Next(SourceLine& line) {
  if (rest_.empty()) return false;
  ++number_;
  const size_t end = rest_.find('\n');
  std::string_view content = rest_.substr(0, end);
  if (content.size() > kMaxLineBytes)
    return Refuse({number_, 1}, "the line is longer than " + std::to_string(kMaxLineBytes) + " bytes");
  line.whole = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
  rest_.remove_prefix(line.whole.size());
  while (content.ends_with('\r')) content.remove_suffix(1);
  line.number = number_;
  line.content = content;
  return true;
}

}  // namespace davit::cli::dockerfile
