// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/json.h"

namespace davit::cli {
namespace {

using nlohmann::json;

std::unexpected<Error> Bad(const std::string& action, const std::string& why) {
  return Fail(Code::kInvalidArgument, "--format", "{{" + action + "}}", why);
}

std::string Trim(const std::string& text) {
  size_t begin = text.find_first_not_of(' ');
  size_t end = text.find_last_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::string FieldsOf(const json& value) {
  std::string names;
  for (const auto& item : value.items()) names += (names.empty() ? "." : ", .") + item.key();
  return names;
}

// The value at ".A.B" below `value`.
Result<const json*> Find(const std::string& action, const std::string& path, const json& value) {
  if (!path.starts_with('.')) return Bad(action, "is not supported: write {{.Field}} or {{json .Field}}");
  const json* at = &value;
  for (size_t begin = 1; begin < path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    std::string key = path.substr(begin, end - begin);
    begin = end + 1;
    if (!at->is_object()) return Bad(action, "has no field ." + key);
    auto found = at->find(key);
    if (found == at->end()) return Bad(action, "has no field ." + key + "; there are " + FieldsOf(*at));
    at = &*found;
  }
  return at;
}

Result<std::string> RenderAction(const std::string& action, const json& value) {
  std::string path = Trim(action);
  bool as_json = path.starts_with("json ");
  if (as_json) path = Trim(path.substr(5));
  const json* found = TRY(Find(action, path, value));
  const std::string* text = JsonText(*found);
  return text != nullptr && !as_json ? *text : PrintJson(*found);
}

std::string Unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    bool escape = text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n');
    result += escape ? (text[++i] == 't' ? '\t' : '\n') : text[i];
  }
  return result;
}

// Calls `action` for each text in braces and puts what it returns in its place.
Result<std::string> Replace(const std::string& format,
                            const std::function<Result<std::string>(const std::string&)>& action) {
  std::string result;
  for (size_t begin = 0; begin < format.size();) {
    size_t open = std::min(format.find("{{", begin), format.size());
    result += Unescape(format.substr(begin, open - begin));
    if (open == format.size()) break;
    size_t close = format.find("}}", open);
    if (close == std::string::npos) return Bad(format.substr(open + 2), "has no end");
    result += TRY(action(format.substr(open + 2, close - open - 2)));
    begin = close + 2;
  }
  return result;
}

}  // namespace

Result<std::string> RenderTemplate(const std::string& format, const json& value) {
  return Replace(format, [&value](const std::string& action) { return RenderAction(action, value); });
}

std::string HeaderOfTemplate(const std::string& format) {
  auto header = Replace(format, [](const std::string& action) -> Result<std::string> {
    std::string name = action.substr(std::min(action.rfind('.') + 1, action.size()));
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return Trim(name);
  });
  return header.value_or(format);
}

}  // namespace davit::cli
