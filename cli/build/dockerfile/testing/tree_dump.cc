// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/testing/tree_dump.h"

#include <algorithm>
#include <cstdio>

#include "base/utf8.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

std::string Hexadecimal(unsigned char byte) {
  char text[8];
  snprintf(text, sizeof text, "\\x%02x", byte);
  return text;
}

std::string QuotedAscii(char c) {
  switch (c) {
    case '\a':
      return "\\a";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\v':
      return "\\v";
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    default:
      return c < ' ' || c == 0x7f ? Hexadecimal(c) : std::string(1, c);
  }
}

// As Go's strconv.Quote, for printable characters beyond ASCII.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) {
      quoted += Hexadecimal(text[0]);
    } else {
      quoted += length == 1 ? QuotedAscii(text[0]) : std::string(text.substr(0, length));
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return quoted + "\"";
}

bool IsKnown(const Node& node) {
  constexpr std::string_view kNames[] = {"add",    "arg",   "cmd",         "copy",  "entrypoint", "env",
                                         "expose", "from",  "healthcheck", "label", "maintainer", "onbuild",
                                         "run",    "shell", "stopsignal",  "user",  "volume",     "workdir"};
  return std::ranges::find(kNames, LowerCase(node.name.text)) != std::end(kNames);
}

std::string DumpNode(const Node& node) {
  std::string dump = LowerCase(node.name.text);
  for (size_t i = 0; i < node.flags.size(); ++i) dump += (i == 0 ? " [" : " ") + Quoted(node.flags[i].text);
  if (!node.flags.empty()) dump += "]";
  if (!IsKnown(node)) dump += " \"\"";
  for (const Node& trigger : node.trigger) dump += " (" + DumpNode(trigger) + ")";
  for (const Token& argument : node.arguments) dump += " " + Quoted(argument.text);
  return std::string(Trimmed(dump));
}

}  // namespace

std::string Dump(const Tree& tree) {
  std::string dump;
  for (const Node& node : tree.instructions) dump += "(" + DumpNode(node) + ")\n";
  return dump;
}

}  // namespace davit::cli::dockerfile
