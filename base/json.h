// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// JSON that others wrote: every type is checked, nothing throws. The accessors of nlohmann::json itself throw
// when a value has another type; hack/check-json keeps them out of the tree. JsonObject (json_object.h) reads
// documents of a known form, these functions the rest.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

// Copying, comparing and printing a value recurse: what nests deeper is refused.
inline constexpr size_t kMaxJsonDepth = 256;

// kInvalidArgument when `text` is not JSON. `what` names the document in the error.
Result<nlohmann::json> ParseJson(std::string_view text, std::string_view what);

// A document to be shown inside another one: null when `text` is not JSON.
nlohmann::json JsonOrNull(std::string_view text);

// Null when there is no such member, when it is null (which Go writes for what is empty), and when `value` is
// not an object.
const nlohmann::json* JsonMember(const nlohmann::json& value, std::string_view name);

// Null or nothing when the value is of another type, or a number that does not fit.
const std::string* JsonText(const nlohmann::json& value);
std::optional<bool> JsonBool(const nlohmann::json& value);
std::optional<int64_t> JsonInteger(const nlohmann::json& value);
std::optional<uint64_t> JsonUnsigned(const nlohmann::json& value);

// The member's text; empty when there is none.
std::string JsonTextMember(const nlohmann::json& value, std::string_view name);

// The member as an object to be written to. `object`, and the member, become empty objects if they are
// something else.
nlohmann::json& JsonObjectMember(nlohmann::json& object, std::string_view name);
void SetJsonMember(nlohmann::json& object, std::string_view name, nlohmann::json value);
void EraseJsonMember(nlohmann::json& object, std::string_view name);

// On one line, or with this many spaces a level. Bytes that are not UTF-8 are replaced: names and paths may
// hold any.
std::string PrintJson(const nlohmann::json& value, int indent = -1);

}  // namespace davit
