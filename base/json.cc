// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/json.h"

#include <algorithm>
#include <limits>

namespace davit {

using nlohmann::json;

namespace {

// Whether brackets nest deeper than kMaxJsonDepth; those in strings do not count.
bool NestsTooDeeply(std::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

void BecomeObject(json& value) {
  if (!value.is_object()) value = json::object();
}

}  // namespace

Result<json> ParseJson(std::string_view text, std::string_view what) {
  if (NestsTooDeeply(text)) return Fail(Code::kInvalidArgument, "parse", what, "nested too deeply");
  json value = json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Fail(Code::kInvalidArgument, "parse", what, "not JSON");
  return value;
}

json JsonOrNull(std::string_view text) {
  return ParseJson(text, "").value_or(json());
}

const json* JsonMember(const json& value, std::string_view name) {
  auto found = value.find(name);  // the end of what is not an object
  return found == value.end() || found->is_null() ? nullptr : &*found;
}

const std::string* JsonText(const json& value) {
  return value.get_ptr<const std::string*>();
}

std::optional<bool> JsonBool(const json& value) {
  const bool* found = value.get_ptr<const bool*>();
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<int64_t> JsonInteger(const json& value) {
  // nlohmann::json keeps what is not negative as unsigned.
  if (const uint64_t* found = value.get_ptr<const uint64_t*>()) {
    if (*found > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(*found);
  }
  const int64_t* found = value.get_ptr<const int64_t*>();
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<uint64_t> JsonUnsigned(const json& value) {
  if (const uint64_t* found = value.get_ptr<const uint64_t*>()) return *found;
  const int64_t* found = value.get_ptr<const int64_t*>();
  return found == nullptr || *found < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(*found));
}

std::string JsonTextMember(const json& value, std::string_view name) {
  const json* member = JsonMember(value, name);
  const std::string* text = member == nullptr ? nullptr : JsonText(*member);
  return text == nullptr ? std::string() : *text;
}

json& JsonObjectMember(json& object, std::string_view name) {
  BecomeObject(object);
  json& member = object[std::string(name)];
  BecomeObject(member);
  return member;
}

void SetJsonMember(json& object, std::string_view name, json value) {
  BecomeObject(object);
  object[std::string(name)] = std::move(value);
}

void EraseJsonMember(json& object, std::string_view name) {
  if (object.is_object()) object.erase(std::string(name));
}

std::string PrintJson(const json& value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

}  // namespace davit
