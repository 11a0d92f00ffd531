// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/merge.h"

#include <algorithm>
#include <map>
#include <utility>

namespace davit::cli::compose {
namespace {

constexpr Rule kAny{Form::kAny};

// The rule of a member; kAny if the table has none.
const Rule& RuleOf(const Rule& rule, const std::string& key) {
  if (rule.form == Form::kMapOf) return *rule.of;
  auto found = std::ranges::find(rule.keys, key, &Key::name);
  return rule.form == Form::kObject && found != rule.keys.end() ? *found->rule : kAny;
}

std::string IdentityOf(const Value& item, const Rule& rule) {
  if (rule.form == Form::kTexts) return item.text;
  return rule.identity != nullptr ? rule.identity(item) : "";
}

bool HasIdentities(const Rule& rule) {
  return rule.form == Form::kTexts || rule.identity != nullptr;
}

// Later items replace earlier ones.
std::vector<Value> Unique(std::vector<Value> items, const Rule& rule) {
  if (!HasIdentities(rule)) return items;
  std::vector<Value> unique;
  std::map<std::string, size_t> places;
  for (Value& item : items) {
    auto [place, is_new] = places.emplace(IdentityOf(item, rule), unique.size());
    if (is_new)
      unique.push_back(std::move(item));
    else
      unique[place->second] = std::move(item);
  }
  return unique;
}

}  // namespace

Value Merge(Value base, const Value& over, const Rule& rule) {
  bool replaces = over.tag != Tag::kNone || base.tag == Tag::kReset || base.kind != over.kind ||
                  over.IsScalar() || rule.form == Form::kCommand || rule.form == Form::kTest;
  // A network without settings in one file, and with some in the other.
  if (over.IsNull() && base.kind == Kind::kMap && over.tag == Tag::kNone) return base;
  if (replaces) return over;
  base.place = over.place;
  if (over.kind == Kind::kList) {
    base.items.insert(base.items.end(), over.items.begin(), over.items.end());
    base.items = Unique(std::move(base.items), rule);
    return base;
  }
  for (const Member& member : over.members) {
    Value* old = base.Find(member.key);
    if (old == nullptr)
      base.members.push_back(member);
    else
      *old = Merge(std::move(*old), member.value, RuleOf(rule, member.key));
  }
  return base;
}

Value Settled(const Value& value, const Rule& rule) {
  Value settled = value;
  settled.tag = Tag::kNone;
  settled.members.clear();
  settled.items.clear();
  for (const Member& member : value.members)
    if (member.value.tag != Tag::kReset)
      settled.members.push_back({member.key, member.place, Settled(member.value, RuleOf(rule, member.key))});
  for (const Value& item : value.items)
    if (item.tag != Tag::kReset)
      settled.items.push_back(rule.form == Form::kListOf ? Settled(item, *rule.of) : item);
  settled.items = Unique(std::move(settled.items), rule);
  return settled;
}

}  // namespace davit::cli::compose
