// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Access to untrusted JSON: every type is checked, nothing throws. The accessors of nlohmann::json throw on
// an unexpected type; hack/check-json keeps them out of the tree. JsonObject (json_object.h) reads documents
// of a known form, these functions read all others.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

// The maximum depth. Copying, comparing and printing a value recurse, so deeper documents are rejected.
inline constexpr size_t kMaxJsonDepth = 256;

// kInvalidArgument if `text` is not JSON, nests deeper than kMaxJsonDepth or has over 262,144 values. `what`
// names the document in the error, which says in which line the text stops being JSON. Bytes that are not
// UTF-8 and escaped surrogates without a partner are read as U+FFFD, as Go's encoding/json does: documents
// that were written and read by programs in Go contain them.
Result<nlohmann::json> ParseJson(std::string_view text, std::string_view what);

// Parses a document that is shown inside another one; null if ParseJson rejects `text`.
nlohmann::json JsonOrNull(std::string_view text);

// Null if `value` is not an object, if it has no such member, or if the member is null (which Go writes for
// an empty value).
const nlohmann::json* JsonMember(const nlohmann::json& value, std::string_view name);

// Null or no value if the value has another type, or is a number that does not fit.
const std::string* JsonText(const nlohmann::json& value);
std::optional<bool> JsonBool(const nlohmann::json& value);
std::optional<int64_t> JsonInteger(const nlohmann::json& value);
std::optional<uint64_t> JsonUnsigned(const nlohmann::json& value);

// The member's text; empty if the member is absent or not a string.
std::string JsonTextMember(const nlohmann::json& value, std::string_view name);

// The member as an object, for writing. `object` is replaced by an empty object if it has another type
// (SetJsonMember does this too), and so is the member.
nlohmann::json& JsonObjectMember(nlohmann::json& object, std::string_view name);
void SetJsonMember(nlohmann::json& object, std::string_view name, nlohmann::json value);
void EraseJsonMember(nlohmann::json& object, std::string_view name);

// Prints on one line, or with `indent` spaces per level. Bytes that are not UTF-8 are replaced: names and
// paths may contain any bytes.
std::string PrintJson(const nlohmann::json& value, int indent = -1);

}  // namespace davit
