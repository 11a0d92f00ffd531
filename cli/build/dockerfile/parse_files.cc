// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// COPY and ADD.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/flags.h"
#include "cli/build/dockerfile/instruction_parsers.h"

namespace davit::cli::dockerfile {
namespace {

using Kind = Flags::Kind;

// The heredoc that a source names; none if the source is a path.
std::optional<Heredoc> FindHeredoc(const Node& node, const Token& source) {
  auto word = node.exec_form ? std::nullopt : ParseHeredocWord(source.text).value_or(std::nullopt);
  if (!word) return std::nullopt;
  auto found = std::ranges::find(node.heredocs, word->name, &Heredoc::name);
  if (found != node.heredocs.end()) return *found;
  return word;
}

bool IsHeredoc(const Node& node, const Token& word) {
  return FindHeredoc(node, word).has_value();
}

Parsed<FileTransfer> ParseTransfer(const Node& node, const Flags& flags) {
  const std::string name = UpperCase(node.name.text);
  if (node.arguments.size() < 2)
    return Refuse(node.name.place,
                  name + " requires at least two arguments: expected " + name + " SOURCE... DESTINATION");
  FileTransfer transfer{.destination = node.arguments.back(),
                        .owner = flags.Text("chown"),
                        .mode = flags.Text("chmod"),
                        .link = flags.Bool("link"),
                        .exclude = flags.Texts("exclude")};
  if (IsHeredoc(node, transfer.destination))
    return Refuse(transfer.destination.place, name + " cannot accept a heredoc as a destination");
  for (size_t i = 0; i + 1 < node.arguments.size(); ++i) {
    const Token& source = node.arguments[i];
    std::optional<Heredoc> heredoc = FindHeredoc(node, source);
    if (heredoc) {
      transfer.files.push_back(
          {{heredoc->name, source.place}, {heredoc->Content(), heredoc->place}, heredoc->expands});
    } else {
      transfer.sources.push_back(source);
    }
  }
  return transfer;
}

std::optional<bool> BoolIfGiven(const Flags& flags, std::string_view name) {
  return flags.Has(name) ? std::optional(flags.Bool(name)) : std::nullopt;
}

}  // namespace

Parsed<Copy> ParseCopy(const Node& node) {
  Flags flags = TRY(Flags::Parse(node.flags, {{"chown", Kind::kText},
                                              {"chmod", Kind::kText},
                                              {"link", Kind::kBool},
                                              {"exclude", Kind::kTexts},
                                              {"from", Kind::kText},
                                              {"parents", Kind::kBool}}));
  Copy copy{TRY(ParseTransfer(node, flags)), flags.Text("from"), flags.Bool("parents")};
  return copy;
}

Parsed<Add> ParseAdd(const Node& node) {
  Flags flags = TRY(Flags::Parse(node.flags, {{"chown", Kind::kText},
                                              {"chmod", Kind::kText},
                                              {"link", Kind::kBool},
                                              {"exclude", Kind::kTexts},
                                              {"checksum", Kind::kText},
                                              {"unpack", Kind::kBool},
                                              {"keep-git-dir", Kind::kBool}}));
  Add add{TRY(ParseTransfer(node, flags)), flags.Text("checksum"), BoolIfGiven(flags, "unpack"),
          BoolIfGiven(flags, "keep-git-dir")};
  return add;
}

}  // namespace davit::cli::dockerfile
