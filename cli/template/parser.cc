// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/number.h"
#include "cli/template/functions.h"
#include "cli/template/lexer.h"
#include "cli/template/nodes.h"

namespace davit::cli {
namespace {

constexpr size_t kMostBytes = 64 << 10;
constexpr size_t kMostDepth = 100;  // of blocks and parentheses: reading and printing recurse

using Kind = Token::Kind;

class Parser {
 public:
  Parser(const std::string& text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<std::vector<Node>> Parse() {
    std::vector<Node> nodes = TRY(ParseNodes());
    if (Now().kind != Kind::kEnd)
      return Bad(Now().at, "{{" + Ahead().text + "}} without a block that it belongs to");
    return nodes;
  }

 private:
  // Counts a level for as long as it lives.
  class Level {
   public:
    explicit Level(size_t& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    size_t& depth_;
  };

  const Token& Now() const { return tokens_[at_]; }
  const Token& Ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool IsSign(std::string_view sign) const { return Now().kind == Kind::kSign && Now().text == sign; }
  // "{{word" is next.
  bool Opens(std::string_view word) const {
    return Now().kind == Kind::kOpen && Ahead().kind == Kind::kIdentifier && Ahead().text == word;
  }
  std::unexpected<Error> Bad(size_t at, const std::string& why) const {
    return TemplateError(text_, at, why);
  }

  Result<> Close() {
    if (Now().kind != Kind::kClose) return Bad(Now().at, "unexpected " + Now().text);
    Take();
    return {};
  }

  // Up to the end, or to an "else" or "end" of the block around.
  Result<std::vector<Node>> ParseNodes() {
    Level level(depth_);
    if (depth_ > kMostDepth) return Bad(Now().at, "it is nested too deeply");
    std::vector<Node> nodes;
    while (Now().kind != Kind::kEnd && !Opens("else") && !Opens("end")) {
      if (Now().kind == Kind::kText)
        nodes.push_back({.kind = Node::Kind::kText, .text = Take().text});
      else
        nodes.push_back(TRY(ParseAction()));
    }
    return nodes;
  }

  Result<Node> ParseAction() {
    Take();
    constexpr std::pair<const char*, Node::Kind> kBlocks[] = {
        {"if", Node::Kind::kIf}, {"range", Node::Kind::kRange}, {"with", Node::Kind::kWith}};
    if (Now().kind == Kind::kIdentifier) {
      for (const auto& [word, kind] : kBlocks)
        if (Now().text == word) return ParseBlock(kind);
      for (const char* word : {"define", "template", "block", "break", "continue"})
        if (Now().text == word) return Bad(Now().at, std::string(word) + " is not supported");
    }
    Node node{.kind = Node::Kind::kAction};
    node.pipeline = TRY(ParsePipeline(/*most_variables=*/1));
    TRY(Close());
    return node;
  }

  Result<Node> ParseBlock(Node::Kind kind) {
    size_t begin = Take().at;
    Node node{.kind = kind};
    node.pipeline = TRY(ParsePipeline(kind == Node::Kind::kRange ? 2 : 1));
    TRY(Close());
    node.body = TRY(ParseNodes());
    if (Opens("else")) {
      Take();
      Take();
      // "{{else if X}}": the new block ends with the same {{end}}.
      if (Now().kind == Kind::kIdentifier && (Now().text == "if" || Now().text == "with")) {
        Level level(depth_);
        if (depth_ > kMostDepth) return Bad(begin, "it is nested too deeply");
        node.otherwise.push_back(TRY(ParseBlock(Now().text == "if" ? Node::Kind::kIf : Node::Kind::kWith)));
        return node;
      }
      TRY(Close());
      node.otherwise = TRY(ParseNodes());
    }
    if (!Opens("end")) return Bad(begin, "{{end}} is missing");
    Take();
    Take();
    TRY(Close());
    return node;
  }

  Result<Pipeline> ParsePipeline(size_t most_variables) {
    Level level(depth_);
    if (depth_ > kMostDepth) return Bad(Now().at, "it is nested too deeply");
    Pipeline pipeline{.at = Now().at};
    TRY(ParseVariables(pipeline, most_variables));
    for (;;) {
      pipeline.commands.push_back(TRY(ParseCommand()));
      if (!IsSign("|")) return pipeline;
      Take();
    }
  }

  // "$x :=", "$x =", "$i, $x :=", or nothing.
  Result<> ParseVariables(Pipeline& pipeline, size_t most) {
    size_t begin = at_;
    std::vector<std::string> names;
    while (Now().kind == Kind::kVariable) {
      names.push_back(Take().text);
      if (!IsSign(",")) break;
      Take();
    }
    if (names.empty() || (!IsSign(":=") && !IsSign("="))) {
      at_ = begin;
      return {};
    }
    if (names.size() > most) return Bad(tokens_[begin].at, "only a range has two variables");
    pipeline.declares = Take().text == ":=";
    pipeline.variables = std::move(names);
    return {};
  }

  bool EndsCommand() const {
    return Now().kind == Kind::kClose || Now().kind == Kind::kEnd || IsSign("|") || IsSign(")");
  }

  Result<Command> ParseCommand() {
    Command command;
    while (!EndsCommand()) command.words.push_back(TRY(ParseOperand()));
    if (command.words.empty()) return Bad(Now().at, "a value is missing");
    return command;
  }

  Result<Operand> ParseOperand() {
    Operand operand{.at = Now().at};
    const Token token = Take();
    if (token.kind == Kind::kDot || token.kind == Kind::kField) {
      if (token.kind == Kind::kField) operand.path.push_back(token.text);
    } else if (token.kind == Kind::kVariable) {
      operand.kind = Operand::Kind::kVariable;
      operand.name = token.text;
    } else if (token.kind == Kind::kIdentifier) {
      TRY(SetWord(token, operand));
    } else if (token.kind == Kind::kString) {
      operand.kind = Operand::Kind::kLiteral;
      operand.literal = token.text;
    } else if (token.kind == Kind::kNumber) {
      operand.kind = Operand::Kind::kLiteral;
      operand.literal = TRY(ParseNumber(token));
    } else if (token.kind == Kind::kSign && token.text == "(") {
      operand.kind = Operand::Kind::kPipeline;
      operand.inner = std::make_shared<Pipeline>(TRY(ParsePipeline(/*most_variables=*/0)));
      if (!IsSign(")")) return Bad(token.at, "the parenthesis is not closed");
      Take();
    } else {
      return Bad(token.at, "unexpected " + token.text);
    }
    while (Now().kind == Kind::kField && Now().joined) operand.path.push_back(Take().text);
    return operand;
  }

  Result<> SetWord(const Token& token, Operand& operand) {
    operand.kind = Operand::Kind::kLiteral;
    if (token.text == "true" || token.text == "false") {
      operand.literal = token.text == "true";
    } else if (token.text == "nil") {
      operand.literal = nullptr;
    } else if (IsTemplateFunction(token.text)) {
      operand.kind = Operand::Kind::kFunction;
      operand.name = token.text;
    } else {
      return Bad(token.at, "there is no function " + token.text + SuggestFunction(token.text) +
                               "; fields begin with a dot, as in {{.Field}}");
    }
    return {};
  }

  Result<nlohmann::json> ParseNumber(const Token& token) const {
    std::string_view digits = token.text;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (std::optional<int64_t> whole = WholeNumber<int64_t>(digits)) return nlohmann::json(*whole);
    double number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size())
      return Bad(token.at, token.text + " is not a number");
    return nlohmann::json(number);
  }

  const std::string& text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t depth_ = 0;
};

}  // namespace

std::unexpected<Error> TemplateError(const std::string& text, size_t at, const std::string& why) {
  size_t open = text.rfind("{{", at);
  if (open == std::string::npos) open = 0;
  size_t close = text.find("}}", at);
  size_t end = close == std::string::npos ? text.size() : close + 2;
  return Fail(Code::kInvalidArgument, "--format", text.substr(open, end - open),
              "at character " + std::to_string(at + 1) + ": " + why);
}

Result<std::vector<Node>> ParseTemplate(const std::string& text) {
  if (text.size() > kMostBytes)
    return Fail(Code::kInvalidArgument, "--format", "", "the template is longer than 64 KiB");
  return Parser(text, TRY(SplitTemplate(text))).Parse();
}

}  // namespace davit::cli
