// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a Dockerfile, as a word with variables, and as a .dockerignore with paths. The first byte
// chooses.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cli/build/dockerfile/check.h"
#include "cli/build/dockerfile/ignore_file.h"
#include "cli/build/dockerfile/tree.h"

namespace davit::cli::dockerfile {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

bool IsInFile(const Token& token, int lines) {
  return token.place.line >= 0 && token.place.line <= lines && token.place.column >= 0;
}

void ReadDockerfile(std::string_view text) {
  const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  if (Parsed<Tree> tree = ReadTree(text)) {
    int last = 0;
    for (const Node& node : tree->instructions) {
      Require(node.first_line > last && node.last_line >= node.first_line && node.last_line <= lines);
      last = node.last_line;
      Require(node.name.place.line >= node.first_line && node.name.place.line <= node.last_line);
      for (const Token& argument : node.arguments) Require(IsInFile(argument, lines));
    }
  }
  const CheckReport report = Check(text, {.arguments = {{"given", "value"}}});
  Require(!report.Passes() || !report.stages.empty());
  for (const Problem& problem : report.errors) Require(!problem.ToString().contains('\n'));
}

void ReadWord(std::string_view text) {
  Variables variables;
  Require(variables.Set("a", "some value/with *parts*") && variables.Set("b", "") &&
          variables.Set("c", "\xE2\x82\xAC\xFF"));
  const std::string word(text.substr(std::min<size_t>(text.size(), 1)));
  const auto bits = static_cast<unsigned char>(text.empty() ? 0 : text[0]);
  ExpansionBudget budget{.bytes = 1 << 16, .steps = 100'000};
  Expander expander({.escape = (bits & 1) != 0 ? '`' : '\\',
                     .quotes_stay = (bits & 2) != 0,
                     .quotes_are_text = (bits & 4) != 0,
                     .escapes_stay = (bits & 8) != 0,
                     .unset_stays = (bits & 16) != 0},
                    variables, budget);
  const auto whole = expander.Word({word, {1, 1}});
  const auto words = expander.Words({word, {1, 1}});
  // Words are parts of the whole. The budget is shared: the second call may have too little.
  if (!whole || !words) return;
  size_t position = 0;
  for (const std::string& part : *words) {
    position = whole->find(part, position);
    Require(position != std::string::npos && !part.empty());
    position += part.size();
  }
}

// The paths are the text's own lines.
void ReadIgnoreFile(std::string_view text) {
  Parsed<IgnoreFile> file = IgnoreFile::Parse(text);
  if (!file) return;
  for (size_t line = 0; line < 20 && !text.empty(); ++line) {
    const std::string_view path = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(path.size() + 1, text.size()));
    const std::string clean = CleanPath(path.substr(0, 1'000));
    Require(CleanPath(clean) == clean);
    const bool ignored = file->Ignores(clean);
    // What is below an ignored directory is ignored, unless something is excepted.
    if (ignored && !file->HasExceptions()) Require(file->Ignores(clean + "/below"));
  }
}

void Read(unsigned kind, std::string_view text) {
  switch (kind % 3) {
    case 0:
      return ReadDockerfile(text);
    case 1:
      return ReadWord(text);
    default:
      return ReadIgnoreFile(text);
  }
}

}  // namespace
}  // namespace davit::cli::dockerfile

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  davit::cli::dockerfile::Read(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
