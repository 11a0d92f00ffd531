// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads JSON documents of a known form: every type is checked, nothing throws.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace davit {

// One object of a document, which it keeps alive. An absent field, a null (which Go writes for an empty list,
// and reads as an empty text, also in a list or a map) and a field of a wrong type all read as the empty
// value; a wrong type makes Check() fail, so that the caller checks once, after reading.
class JsonObject {
 public:
  // kInvalidArgument unless `text` is a JSON object. `what` names the document in errors.
  static Result<JsonObject> Parse(std::string_view text, std::string_view what);

  bool Has(const char* name) const;  // present, and not null
  std::string String(const char* name);
  int64_t Integer(const char* name);
  bool Boolean(const char* name);
  std::string Raw(const char* name) const;  // any value, printed as JSON; empty if absent
  std::vector<std::string> Strings(const char* name);
  std::vector<std::string> Keys(const char* name);  // names in an object, sorted
  std::vector<std::pair<std::string, std::string>> StringMap(const char* name);
  JsonObject Object(const char* name);
  std::vector<JsonObject> Objects(const char* name);

  // kInvalidArgument naming the first field of a wrong type that was read from any object of the document.
  Result<> Check() const;

 private:
  struct Document {
    nlohmann::json root;
    std::string what;
    std::string wrong_field;
  };
  JsonObject(std::shared_ptr<Document> document, const nlohmann::json* value)
      : document_(std::move(document)), value_(value) {}

  // Null if the field is absent or null, or if its type is not `wanted`, which is recorded for Check().
  const nlohmann::json* Field(const char* name, bool (nlohmann::json::*wanted)() const noexcept);
  void Reject(const char* name);

  std::shared_ptr<Document> document_;
  const nlohmann::json* value_;
};

}  // namespace davit
