// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/value.h"

#include <algorithm>
#include <utility>

namespace davit::cli::compose {
namespace {

Value Scalar(Kind kind, std::string text, const Place& place) {
  Value value;
  value.kind = kind;
  value.text = std::move(text);
  value.place = place;
  return value;
}

}  // namespace

std::string Place::ToString() const {
  return file == nullptr ? "" : *file + ":" + std::to_string(line);
}

bool Value::IsTrue() const {
  return kind == Kind::kBool && (text == "true" || text == "True" || text == "TRUE");
}

const Value* Value::Find(std::string_view key) const {
  auto found = std::ranges::find(members, key, &Member::key);
  return found == members.end() ? nullptr : &found->value;
}

Value* Value::Find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).Find(key));
}

std::string Value::TextOf(std::string_view key) const {
  const Value* value = Find(key);
  return value != nullptr && value->IsScalar() && !value->IsNull() ? value->text : "";
}

Value& Value::Set(std::string_view key, Value value) {
  if (IsNull()) kind = Kind::kMap;
  if (Value* old = Find(key)) return *old = std::move(value);
  Place at = value.place;
  members.push_back({std::string(key), std::move(at), std::move(value)});
  return members.back().value;
}

void Value::Erase(std::string_view key) {
  std::erase_if(members, [&](const Member& member) { return member.key == key; });
}

Value NullValue(const Place& place) {
  return Scalar(Kind::kNull, "", place);
}

Value TextValue(std::string text, const Place& place) {
  return Scalar(Kind::kText, std::move(text), place);
}

Value BoolValue(bool value, const Place& place) {
  return Scalar(Kind::kBool, value ? "true" : "false", place);
}

Value IntegerValue(int64_t value, const Place& place) {
  return Scalar(Kind::kInteger, std::to_string(value), place);
}

Value MapValue(const Place& place) {
  return Scalar(Kind::kMap, "", place);
}

Value ListValue(const Place& place) {
  return Scalar(Kind::kList, "", place);
}

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kBool:
      return "true or false";
    case Kind::kInteger:
    case Kind::kFloat:
      return "a number";
    case Kind::kText:
      return "a text";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

}  // namespace davit::cli::compose
