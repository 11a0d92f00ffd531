// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reading JSON documents of a known form: every type is checked, nothing throws.
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

// One object of a document. An absent field and a null (which Go writes for an empty list) read as the empty
// value; a field of a wrong type makes the whole reading fail, once, at the end: ask ok() or Check().
class JsonObject {
 public:
  // kInvalidArgument unless `text` is a JSON object. `what` names the document in errors.
  static Result<JsonObject> Parse(std::string_view text, std::string_view what);

  bool Has(const char* name) const;  // present, and not null
  std::string String(const char* name);
  int64_t Integer(const char* name);
  std::vector<std::string> Strings(const char* name);
  std::vector<std::string> Keys(const char* name);  // of an object, sorted
  std::vector<std::pair<std::string, std::string>> StringMap(const char* name);
  JsonObject Object(const char* name);
  std::vector<JsonObject> Objects(const char* name);

  // kInvalidArgument naming the first field that had a wrong type, here or in an object that came from here.
  Result<> Check() const;

 private:
  struct Document {
    nlohmann::json root;
    std::string what;
    std::string wrong_field;
  };
  JsonObject(std::shared_ptr<Document> document, const nlohmann::json* value)
      : document_(std::move(document)), value_(value) {}

  // The field, or null when it is absent or null; notes it as wrong when its type is not `wanted`.
  const nlohmann::json* Field(const char* name, bool (nlohmann::json::*wanted)() const noexcept);
  void Reject(const char* name);

  std::shared_ptr<Document> document_;
  const nlohmann::json* value_;
};

}  // namespace davit
