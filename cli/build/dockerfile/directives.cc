// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/directives.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"

namespace davit::cli::dockerfile {
namespace {

bool IsLetterOrDigit(char c) {
  return c != '_' && IsNameCharacter({&c, 1});
}

// "name = value" as name and value. The value is not empty; one that is only blanks is the last of them.
std::optional<std::pair<std::string_view, std::string_view>> SplitDirective(std::string_view text) {
  const size_t end = std::ranges::find_if_not(text, IsLetterOrDigit) - text.begin();
  if (end == 0 || (text[0] >= '0' && text[0] <= '9')) return std::nullopt;
  std::string_view rest = WithoutLeadingBlanks(text.substr(end));
  if (!rest.starts_with('=') || rest.size() == 1) return std::nullopt;
  std::string_view value = Trimmed(rest.substr(1));
  return std::pair(text.substr(0, end), value.empty() ? rest.substr(rest.size() - 1) : value);
}

// Docker Hub's docker/dockerfile, with or without the registry, tag or digest, and its channel "labs".
bool IsBuiltIn(std::string_view frontend) {
  for (std::string_view registry : {"docker.io/", "index.docker.io/", "registry-1.docker.io/"}) {
    if (frontend.starts_with(registry)) frontend.remove_prefix(registry.size());
  }
  frontend = frontend.substr(0, frontend.find_first_of(":@"));
  return frontend == "docker/dockerfile" || frontend == "docker/dockerfile-upstream";
}

}  // namespace

Parsed<> Directives::Read(const SourceLine& line) {
  if (over_) return {};
  if (line.number == 1 && line.content.starts_with("#!")) {
    behind_shebang_ = true;
    return {};
  }
  over_ = true;
  std::string_view text = WithoutLeadingBlanks(line.content);
  if (!text.starts_with('#')) return {};
  auto parts = SplitDirective(WithoutLeadingBlanks(text.substr(1)));
  if (!parts) return {};
  const Place place{line.number, static_cast<int>(parts->second.data() - line.content.data()) + 1};
  return Take(LowerCase(parts->first), {std::string(parts->second), place});
}

Parsed<> Directives::Take(const std::string& name, Token value) {
  const bool again =
      (name == "syntax" && syntax_) || (name == "check" && check_) || (name == "escape" && escape_is_set_);
  if (again) return Refuse(value.place, "only one " + name + " parser directive can be used");
  if (name == "escape") {
    if (value.text != "\\" && value.text != "`")
      return Refuse(value.place, "invalid escape token '" + value.text + "': expected ` or \\");
    escape_is_set_ = true;
    if (!behind_shebang_) escape_ = value.text[0];
  } else if (name == "syntax") {
    value.text = value.text.substr(0, value.text.find(' '));
    if (!IsBuiltIn(value.text))
      return Refuse(value.place, "the frontend " + value.text +
                                     " cannot be used: only docker/dockerfile, which is built in");
    syntax_ = std::move(value);
  } else if (name == "check") {
    check_ = std::move(value);
  } else {
    return {};
  }
  over_ = false;
  return {};
}

}  // namespace davit::cli::dockerfile
