// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/json_object.h"

namespace davit {

using nlohmann::json;

Result<JsonObject> JsonObject::Parse(std::string_view text, std::string_view what) {
  auto document = std::make_shared<Document>();
  document->what = what;
  document->root = TRY(ParseJson(text, what));
  if (!document->root.is_object()) return Fail(Code::kInvalidArgument, "parse", what, "not a JSON object");
  const json* root = &document->root;
  return JsonObject(std::move(document), root);
}

bool JsonObject::Has(const char* name) const {
  return JsonMember(*value_, name) != nullptr;
}

std::string JsonObject::String(const char* name) {
  const json* field = Field(name, &json::is_string);
  return field ? *JsonText(*field) : std::string();
}

int64_t JsonObject::Integer(const char* name) {
  const json* field = Field(name, &json::is_number_integer);
  if (!field) return 0;
  std::optional<int64_t> value = JsonInteger(*field);
  if (!value) Reject(name);
  return value.value_or(0);
}

bool JsonObject::Boolean(const char* name) {
  const json* field = Field(name, &json::is_boolean);
  return field != nullptr && JsonBool(*field) == true;
}

std::string JsonObject::Raw(const char* name) const {
  const json* field = JsonMember(*value_, name);
  return field != nullptr ? PrintJson(*field) : std::string();
}

std::vector<std::string> JsonObject::Strings(const char* name) {
  std::vector<std::string> strings;
  const json* field = Field(name, &json::is_array);
  if (!field) return strings;
  for (const json& item : *field) {
    if (const std::string* text = JsonText(item)) {
      strings.push_back(*text);
    } else if (item.is_null()) {
      strings.emplace_back();
    } else {
      Reject(name);
    }
  }
  return strings;
}

std::vector<std::string> JsonObject::Keys(const char* name) {
  std::vector<std::string> keys;
  const json* field = Field(name, &json::is_object);
  if (!field) return keys;
  for (auto item = field->begin(); item != field->end(); ++item) keys.push_back(item.key());
  return keys;
}

std::vector<std::pair<std::string, std::string>> JsonObject::StringMap(const char* name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const json* field = Field(name, &json::is_object);
  if (!field) return pairs;
  for (auto item = field->begin(); item != field->end(); ++item) {
    if (const std::string* text = JsonText(*item)) {
      pairs.emplace_back(item.key(), *text);
    } else if (item->is_null()) {
      pairs.emplace_back(item.key(), "");
    } else {
      Reject(name);
    }
  }
  return pairs;
}

JsonObject JsonObject::Object(const char* name) {
  static const json kEmpty = json::object();
  const json* field = Field(name, &json::is_object);
  return JsonObject(document_, field ? field : &kEmpty);
}

std::vector<JsonObject> JsonObject::Objects(const char* name) {
  std::vector<JsonObject> objects;
  const json* field = Field(name, &json::is_array);
  if (!field) return objects;
  for (const json& item : *field) {
    if (item.is_object()) {
      objects.push_back(JsonObject(document_, &item));
    } else {
      Reject(name);
    }
  }
  return objects;
}

Result<> JsonObject::Check() const {
  if (document_->wrong_field.empty()) return {};
  return Fail(Code::kInvalidArgument, "parse", document_->what,
              "field \"" + document_->wrong_field + "\" has a wrong type");
}

const json* JsonObject::Field(const char* name, bool (json::*wanted)() const noexcept) {
  const json* field = JsonMember(*value_, name);
  if (field == nullptr || ((*field).*wanted)()) return field;
  Reject(name);
  return nullptr;
}

void JsonObject::Reject(const char* name) {
  if (document_->wrong_field.empty()) document_->wrong_field = name;
}

}  // namespace davit
