// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A tree of YAML values that know where they were written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace davit::cli::compose {

// A line of a file. Copies share the file's name.
struct Place {
  std::shared_ptr<const std::string> file = {};  // null: made by Davit
  int line = 0;                                  // from 1 on

  std::string ToString() const;  // "FILE:LINE"
};

enum class Kind : uint8_t { kNull, kBool, kInteger, kFloat, kText, kList, kMap };

// What a value does to the one of an earlier file: !reset removes it, !override replaces it as a whole.
enum class Tag : uint8_t { kNone, kReset, kOverride };

struct Member;

struct Value {
  Kind kind = Kind::kNull;
  std::string text = {};  // of scalars: as written, or the text of a kText
  std::vector<Value> items;
  std::vector<Member> members;  // in the order of the file; no two have the same key
  Place place = {};
  Tag tag = Tag::kNone;

  bool IsScalar() const { return kind != Kind::kList && kind != Kind::kMap; }
  bool IsNull() const { return kind == Kind::kNull; }
  bool IsTrue() const;

  // The member of a map; null if there is none, or if this is no map.
  const Value* Find(std::string_view key) const;
  Value* Find(std::string_view key);
  // The text of a member that is a scalar; empty if there is none.
  std::string TextOf(std::string_view key) const;
  // Adds or replaces a member, and returns it. Nothing becomes a map.
  Value& Set(std::string_view key, Value value);
  void Erase(std::string_view key);
};

struct Member {
  std::string key;
  Place place = {};  // of the key
  Value value = {};
};

// Values that no file has, with the place of what they were made from.
Value NullValue(const Place& place);
Value TextValue(std::string text, const Place& place);
Value BoolValue(bool value, const Place& place);
Value IntegerValue(int64_t value, const Place& place);
Value MapValue(const Place& place);
Value ListValue(const Place& place);

// The word for a kind in messages: "a map", "a text".
std::string_view NameOf(Kind kind);

}  // namespace davit::cli::compose
