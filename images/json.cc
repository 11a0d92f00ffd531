// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/json.h"

namespace davit {

using nlohmann::json;

Result<JsonObject> JsonObject::Parse(std::string_view text, std::string_view what) {
  auto document = std::make_shared<Document>();
  document->what = what;
  document->root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (document->root.is_discarded()) return Fail(Code::kInvalidArgument, "parse", what, "not JSON");
  if (!document->root.is_object()) return Fail(Code::kInvalidArgument, "parse", what, "not a JSON object");
  const json* root = &document->root;
  return JsonObject(std::move(document), root);
}

bool JsonObject::Has(const char* name) const {
  auto field = value_->find(name);
  return field != value_->end() && !field->is_null();
}

std::string JsonObject::String(const char* name) {
  const json* field = Field(name, &json::is_string);
  return field ? field->get_ref<const std::string&>() : std::string();
}

int64_t JsonObject::Integer(const char* name) {
  const json* field = Field(name, &json::is_number_integer);
  // nlohmann keeps what does not fit as unsigned.
  if (field && field->is_number_unsigned() && field->get<uint64_t>() > INT64_MAX) {
    Reject(name);
    return 0;
  }
  return field ? field->get<int64_t>() : 0;
}

std::vector<std::string> JsonObject::Strings(const char* name) {
  std::vector<std::string> strings;
  const json* field = Field(name, &json::is_array);
  if (!field) return strings;
  for (const json& item : *field) {
    if (item.is_string()) {
      strings.push_back(item.get_ref<const std::string&>());
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
    if (item->is_string()) {
      pairs.emplace_back(item.key(), item->get_ref<const std::string&>());
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
  auto field = value_->find(name);
  if (field == value_->end() || field->is_null()) return nullptr;
  if (((*field).*wanted)()) return &*field;
  Reject(name);
  return nullptr;
}

void JsonObject::Reject(const char* name) {
  if (document_->wrong_field.empty()) document_->wrong_field = name;
}

}  // namespace davit
