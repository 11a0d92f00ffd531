// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/line_reader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

bool IsComment(std::string_view content) {
  return WithoutLeadingBlanks(content).starts_with('#');
}

// The length of a line without the escape character at its end, which may have spaces and tabs behind it; the
// whole length if the line is not continued. Two of them are an escaped one, which continues nothing.
size_t LengthWithoutEscape(std::string_view content, char escape) {
  const size_t last = content.find_last_not_of(" \t");
  if (last == std::string_view::npos || content[last] != escape) return content.size();
  if (last > 0 && content[last - 1] == escape) return content.size();
  return last;
}

}  // namespace

bool LineReader::Append(const SourceLine& line, size_t begin, PlacedText& joined) const {
  const std::string_view content = line.content.substr(begin);
  const size_t length = LengthWithoutEscape(content, directives_.escape());
  joined.Append(content.substr(0, length), {line.number, static_cast<int>(begin) + 1});
  return length < content.size();
}

Parsed<std::optional<PlacedText>> LineReader::Next() {
  for (SourceLine line; TRY(lines_.Next(line));) {
    TRY(directives_.Read(line));
    const size_t begin = line.content.size() - WithoutLeadingBlanks(line.content).size();
    if (begin == line.content.size() || line.content[begin] == '#') continue;
    PlacedText joined;
    if (Append(line, begin, joined)) TRY(AppendContinuation(joined));
    return joined;
  }
  return std::nullopt;
}

Parsed<> LineReader::AppendContinuation(PlacedText& joined) {
  for (SourceLine line; TRY(lines_.Next(line));) {
    if (IsComment(line.content)) continue;
    if (WithoutLeadingBlanks(line.content).empty()) {
      empty_continuations_.push_back({line.number, 1});
      continue;
    }
    if (!Append(line, 0, joined)) return {};
  }
  return {};
}

Parsed<> LineReader::ReadHeredoc(Place start, Heredoc& heredoc) {
  heredoc.place = {lines_.read() + 1, 1};
  for (SourceLine line; TRY(lines_.Next(line));) {
    std::string_view terminator = line.content;
    if (heredoc.strips_tabs)
      terminator.remove_prefix(std::min(terminator.find_first_not_of('\t'), terminator.size()));
    if (terminator == heredoc.name) return {};
    heredoc.content += line.whole;
  }
  return Refuse(start, "unterminated heredoc: no line \"" + heredoc.name + "\" follows");
}

}  // namespace davit::cli::dockerfile
