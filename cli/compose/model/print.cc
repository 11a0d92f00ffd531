// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/print.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.h"
#include "base/number.h"

namespace davit::cli::compose {
namespace {

using nlohmann::json;

json Number(const Value& value) {
  if (value.kind == Kind::kInteger) {
    if (std::optional<int64_t> integer = WholeNumber<int64_t>(value.text)) return *integer;
    return value.text;
  }
  double number = 0;
  const char* last = value.text.data() + value.text.size();
  auto [end, error] = std::from_chars(value.text.data(), last, number);
  return error == std::errc() && end == last ? json(number) : json(value.text);
}

// A text that YAML reads as this text, and as nothing else, without quotes.
bool IsPlain(const std::string& text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || text.find_first_not_of(kLetters) != std::string::npos) return false;
  if (!is_letter(text.front()) && text.front() != '/') return false;
  std::string lower;
  for (char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  constexpr std::string_view kWords[] = {"null", "true", "false", "yes", "no", "on",
                                         "off",  "y",    "n",     "inf", "nan"};
  return std::ranges::find(kWords, lower) == std::end(kWords);
}

// The double quotes of JSON are those of YAML.
std::string Scalar(const Value& value) {
  if (value.IsNull()) return "null";
  if (value.kind == Kind::kText) return IsPlain(value.text) ? value.text : PrintJson(json(value.text));
  return PrintJson(JsonOf(value));
}

std::string KeyText(const std::string& key) {
  return IsPlain(key) ? key : PrintJson(json(key));
}

bool IsEmpty(const Value& value) {
  return value.items.empty() && value.members.empty();
}

void Append(const Value& value, size_t indent, std::string& out);

void AppendMap(const Value& map, size_t indent, bool first_in_line, std::string& out) {
  std::vector<const Member*> members;
  for (const Member& member : map.members) members.push_back(&member);
  std::ranges::sort(members, {}, [](const Member* member) -> const std::string& { return member->key; });
  for (const Member* member : members) {
    if (!first_in_line) out.append(indent, ' ');
    first_in_line = false;
    out += KeyText(member->key) + ":";
    Append(member->value, indent, out);
  }
}

// What follows "KEY:", to the end of its last line.
void Append(const Value& value, size_t indent, std::string& out) {
  if (value.IsScalar()) {
    out += " " + Scalar(value) + "\n";
  } else if (IsEmpty(value)) {
    out += value.kind == Kind::kList ? " []\n" : " {}\n";
  } else if (value.kind == Kind::kMap) {
    out += "\n";
    AppendMap(value, indent + 2, /*first_in_line=*/false, out);
  } else {
    out += "\n";
    for (const Value& item : value.items) {
      out.append(indent + 2, ' ').append("-");
      if (item.kind == Kind::kMap && !IsEmpty(item)) {
        out += " ";
        AppendMap(item, indent + 4, /*first_in_line=*/true, out);
      } else {
        Append(item, indent + 2, out);
      }
    }
  }
}

}  // namespace

json JsonOf(const Value& value) {
  switch (value.kind) {
    case Kind::kNull:
      return nullptr;
    case Kind::kBool:
      return value.IsTrue();
    case Kind::kInteger:
    case Kind::kFloat:
      return Number(value);
    case Kind::kText:
      return value.text;
    case Kind::kList: {
      json list = json::array();
      for (const Value& item : value.items) list.push_back(JsonOf(item));
      return list;
    }
    case Kind::kMap:
      break;
  }
  json map = json::object();
  for (const Member& member : value.members) SetJsonMember(map, member.key, JsonOf(member.value));
  return map;
}

std::string YamlOf(const Value& value) {
  if (value.kind != Kind::kMap || IsEmpty(value))
    return value.kind == Kind::kMap ? "{}\n" : Scalar(value) + "\n";
  std::string out;
  AppendMap(value, /*indent=*/0, /*first_in_line=*/false, out);
  return out;
}

}  // namespace davit::cli::compose
