// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Answers questions about texts, for the comparison with BuildKit (tests/dockerfile). Each line of standard
// input is a JSON object with a "kind" and texts, each line of standard output the answer: {"answer": ...},
// or {"problem":
// ...} if the text is refused.
#include <iostream>
#include <string>

#include "base/base64.h"
#include "base/json.h"
#include "cli/build/dockerfile/dockerfile.h"
#include "cli/build/dockerfile/expander.h"
#include "cli/build/dockerfile/ignore_file.h"
#include "cli/build/dockerfile/testing/tree_dump.h"

namespace davit::cli::dockerfile {
namespace {

using Json = nlohmann::json;

Json Refused(const Problem& problem) {
  return {{"problem", Located("file", "error", problem)}};
}

std::vector<std::string> Texts(const Json& question, std::string_view name) {
  std::vector<std::string> texts;
  const Json* array = JsonMember(question, name);
  if (array == nullptr || !array->is_array()) return texts;
  for (const Json& element : *array) texts.push_back(JsonText(element) == nullptr ? "" : *JsonText(element));
  return texts;
}

Json AnswerTree(const std::string& text) {
  Parsed<Tree> tree = ReadTree(text);
  if (!tree) return Refused(tree.error());
  Json lines = Json::array();
  for (const Node& node : tree->instructions) lines.push_back({node.first_line, node.last_line});
  Json heredocs = Json::array();
  for (const Node& node : tree->instructions) {
    for (const Heredoc& heredoc : node.heredocs)
      heredocs.push_back({{"name", heredoc.name},
                          {"expand", heredoc.expands},
                          {"chomp", heredoc.strips_tabs},
                          {"fd", heredoc.descriptor},
                          {"content", heredoc.content}});
  }
  return {{"answer", Dump(*tree)}, {"lines", lines}, {"heredocs", heredocs}};
}

// Whether all instructions are accepted.
Json AnswerInstructions(const std::string& text) {
  Parsed<Tree> tree = ReadTree(text);
  if (!tree) return Refused(tree.error());
  std::vector<Problem> problems;
  (void)ParseTree(*tree, problems);
  return problems.empty() ? Json{{"answer", true}} : Refused(problems.front());
}

Json AnswerWords(const Json& question, const std::string& text, bool split) {
  Variables variables;
  for (const std::string& entry : Texts(question, "variables")) {
    const size_t sign = entry.find('=');
    if (!variables.Set(entry.substr(0, sign), sign == std::string::npos ? "" : entry.substr(sign + 1)))
      abort();
  }
  auto is = [&question](std::string_view name) {
    const Json* value = JsonMember(question, name);
    return value != nullptr && JsonBool(*value).value_or(false);
  };
  const std::string escape = JsonTextMember(question, "escape");
  const ExpansionStyle style{.escape = escape.empty() ? '\\' : escape[0],
                             .quotes_stay = is("quotes_stay"),
                             .quotes_are_text = is("quotes_are_text"),
                             .escapes_stay = is("escapes_stay"),
                             .unset_stays = is("unset_stays")};
  ExpansionBudget budget;
  Expander expander(style, variables, budget);
  if (!split) {
    auto word = expander.Word({text, {1, 1}});
    return word ? Json{{"answer", *word}, {"unset", expander.unset()}} : Refused(word.error());
  }
  auto words = expander.Words({text, {1, 1}});
  return words ? Json{{"answer", *words}} : Refused(words.error());
}

Json AnswerIgnored(const Json& question, const std::string& text) {
  Parsed<IgnoreFile> file = IgnoreFile::Parse(text);
  if (!file) return Refused(file.error());
  Json ignored = Json::array();
  for (const std::string& path : Texts(question, "paths")) ignored.push_back(file->Ignores(path));
  return {{"answer", ignored}};
}

Json Answer(const Json& question) {
  const std::string kind = JsonTextMember(question, "kind");
  const std::string text = DecodeBase64(JsonTextMember(question, "text")).value_or("");
  if (kind == "tree") return AnswerTree(text);
  if (kind == "instructions") return AnswerInstructions(text);
  if (kind == "word") return AnswerWords(question, text, /*split=*/false);
  if (kind == "words") return AnswerWords(question, text, /*split=*/true);
  if (kind == "ignored") return AnswerIgnored(question, text);
  return {{"problem", "unknown kind " + kind}};
}

}  // namespace
}  // namespace davit::cli::dockerfile

int main() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << davit::PrintJson(davit::cli::dockerfile::Answer(davit::JsonOrNull(line))) << std::endl;
}
