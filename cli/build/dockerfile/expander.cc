// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/expander.h"

#include "base/error.h"
#include "base/utf8.h"
#include "cli/build/dockerfile/expansion_run.h"

namespace davit::cli::dockerfile {
namespace {

constexpr size_t kMaxQuotedBytes = 100;

Parsed<ExpandedText> Expand(const Token& source, ExpansionRun run) {
  auto expanded = run.Everything();
  if (expanded) return std::move(*expanded);
  return Refuse(source.place,
                "cannot expand \"" + OneLine(source.text, kMaxQuotedBytes) + "\": " + expanded.error());
}

}  // namespace

Parsed<std::string> Expander::Word(const Token& word) {
  return TRY(Expand(word, ExpansionRun(word.text, style_, *variables_, *budget_, unset_))).text;
}

Parsed<std::vector<std::string>> Expander::Words(const Token& text) {
  return TRY(Expand(text, ExpansionRun(text.text, style_, *variables_, *budget_, unset_))).TakeWords();
}

}  // namespace davit::cli::dockerfile
