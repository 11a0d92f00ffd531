// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/yaml.h"

#include <yaml.h>

#include <charconv>
#include <cmath>
#include <map>

#include "base/yaml_event.h"

namespace davit::cli::compose {
namespace {

constexpr std::string_view kStandardTags = "tag:yaml.org,2002:";

;

bool IsInteger(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  int base = text.starts_with("0x") ? 16 : text.starts_with("0o") ? 8 : 10;
  if (base != 10) text.remove_prefix(2);
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

bool IsFloat(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

// By the core schema of YAML 1.2: "yes" and "on" are texts.
Kind KindOfPlain(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Kind::kNull;
  if (text == "true" || text == "True" || text == "TRUE") return Kind::kBool;
  if (text == "false" || text == "False" || text == "FALSE") return Kind::kBool;
  if (IsInteger(text)) return Kind::kInteger;
  return IsFloat(text) ? Kind::kFloat : Kind::kText;
}

// The size of a tree, for the limits.
struct Size {
  size_t values = 0;
  size_t bytes = 0;
};

Size SizeOf(const Value& value) {
  Size size{1, value.text.size()};
  auto add = [&size](Size part) { size = {size.values + part.values, size.bytes + part.bytes}; };
  for (const Value& item : value.items) add(SizeOf(item));
  for (const Member& member : value.members) {
    add(SizeOf(member.value));
    size.bytes += member.key.size();
  }
  return size;
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file, Problems& problems)
      : file_(std::make_shared<const std::string>(file)), problems_(problems) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::optional<Value> Document() {
    YamlEvent start;
    YamlEvent document;
    if (!Next(start) || !Next(document)) return std::nullopt;
    if (document->type == YAML_STREAM_END_EVENT) return MapValue({file_, 1});
    YamlEvent first;
    if (!Next(first)) return std::nullopt;
    std::optional<Value> root = Node(first, /*depth=*/0);
    YamlEvent end;
    YamlEvent last;
    if (!root || !Next(end) || !Next(last)) return std::nullopt;
    if (last->type != YAML_STREAM_END_EVENT) return Bad(last, "a Compose file is one document");
    return root->IsNull() ? MapValue({file_, 1}) : std::move(*root);
  }

 private:
  Place At(const yaml_mark_t& mark) const { return {file_, static_cast<int>(mark.line) + 1}; }

  std::nullopt_t Bad(YamlEvent& event, std::string why) {
    problems_.Add(At(event->start_mark), std::move(why));
    return std::nullopt;
  }

  static std::string TooMany() { return "a map has at most " + std::to_string(kMostMembers) + " keys"; }

  bool Next(YamlEvent& event) {
    if (yaml_parser_parse(&parser_, event.get()) == 1) return true;
    problems_.Add(At(parser_.problem_mark),
                  std::string("is no YAML: ") + (parser_.problem == nullptr ? "malformed" : parser_.problem));
    return false;
  }

  std::optional<Value> Node(YamlEvent& event, int depth) {
    if (depth > kMostDepth) return Bad(event, "nests more than " + std::to_string(kMostDepth) + " levels");
    switch (event->type) {
      case YAML_ALIAS_EVENT:
        return Alias(event);
      case YAML_SCALAR_EVENT:
        return Scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return List(event, depth);
      case YAML_MAPPING_START_EVENT:
        return Map(event, depth);
      default:
        return Bad(event, "has no content here");
    }
  }

  bool Fits(YamlEvent& event, Size size) {
    values_ += size.values;
    bytes_ += size.bytes;
    if (values_ <= kMostValues && bytes_ <= kMostValueBytes) return true;
    Bad(event, "has more than " + std::to_string(kMostValues) + " values, or " +
                   std::to_string(kMostValueBytes >> 20) + " MiB, with what its aliases stand for");
    return false;
  }

  // A copy: the places of its values stay those of the anchor.
  std::optional<Value> Alias(YamlEvent& event) {
    std::string name = reinterpret_cast<const char*>(event->data.alias.anchor);
    auto found = anchors_.find(name);
    if (found == anchors_.end()) return Bad(event, "*" + name + ": no anchor &" + name + " before it");
    if (!Fits(event, found->second.size)) return std::nullopt;
    return found->second.value;
  }

  // Makes a copy, if there is an anchor.
  bool Keep(YamlEvent& event, const yaml_char_t* anchor, const Value& value) {
    if (anchor == nullptr) return true;
    Size size = SizeOf(value);
    if (!Fits(event, size)) return false;
    anchors_[reinterpret_cast<const char*>(anchor)] = {value, size};
    return true;
  }

  // False, and a problem, for a tag that Compose does not have.
  bool TakeTag(YamlEvent& event, const yaml_char_t* tag, Value& value) {
    std::string name = tag == nullptr ? "" : reinterpret_cast<const char*>(tag);
    if (name == "!reset") {
      value.tag = Tag::kReset;
    } else if (name == "!override") {
      value.tag = Tag::kOverride;
    } else if (name == "!" || name == std::string(kStandardTags) + "str") {
      if (value.IsScalar()) value.kind = Kind::kText;
    } else if (!name.empty() && !name.starts_with(kStandardTags)) {
      Bad(event, "the tag " + name + " is not known: Compose files have !reset and !override");
      return false;
    }
    return true;
  }

  std::optional<Value> Scalar(YamlEvent& event) {
    const auto& scalar = event->data.scalar;
    Value value;
    value.place = At(event->start_mark);
    value.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    if (value.text.contains('\0')) return Bad(event, "a text with a NUL character");
    value.kind = scalar.style == YAML_PLAIN_SCALAR_STYLE ? KindOfPlain(value.text) : Kind::kText;
    if (!TakeTag(event, scalar.tag, value) || !Fits(event, {1, value.text.size()})) return std::nullopt;
    if (!Keep(event, scalar.anchor, value)) return std::nullopt;
    return value;
  }

  std::optional<Value> List(YamlEvent& start, int depth) {
    Value list = ListValue(At(start->start_mark));
    if (!TakeTag(start, start->data.sequence_start.tag, list) || !Fits(start, {1, 0})) return std::nullopt;
    while (true) {
      YamlEvent item;
      if (!Next(item)) return std::nullopt;
      if (item->type == YAML_SEQUENCE_END_EVENT) break;
      if (list.items.size() >= kMostItems)
        return Bad(item, "a list has at most " + std::to_string(kMostItems) + " items");
      std::optional<Value> value = Node(item, depth + 1);
      if (!value) return std::nullopt;
      list.items.push_back(std::move(*value));
    }
    if (!Keep(start, start->data.sequence_start.anchor, list)) return std::nullopt;
    return list;
  }

  std::optional<Value> Map(YamlEvent& start, int depth) {
    Value map = MapValue(At(start->start_mark));
    if (!TakeTag(start, start->data.mapping_start.tag, map) || !Fits(start, {1, 0})) return std::nullopt;
    std::vector<Value> merged;
    while (true) {
      YamlEvent key;
      if (!Next(key)) return std::nullopt;
      if (key->type == YAML_MAPPING_END_EVENT) break;
      if (map.members.size() >= kMostMembers) return Bad(key, TooMany());
      if (!TakeMember(key, depth, map, merged)) return std::nullopt;
    }
    for (const Value& source : merged)
      for (const Member& member : source.members)
        if (map.members.size() <= kMostMembers && map.Find(member.key) == nullptr)
          map.members.push_back(member);
    if (map.members.size() > kMostMembers) return Bad(start, TooMany());
    if (!Keep(start, start->data.mapping_start.anchor, map)) return std::nullopt;
    return map;
  }

  bool TakeMember(YamlEvent& key, int depth, Value& map, std::vector<Value>& merged) {
    if (key->type != YAML_SCALAR_EVENT) return Bad(key, "a key that is no text"), false;
    std::string name(reinterpret_cast<const char*>(key->data.scalar.value), key->data.scalar.length);
    bool merges = name == "<<" && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (map.Find(name) != nullptr) return Bad(key, "the key " + name + " is there twice"), false;
    if (!Fits(key, {0, name.size()})) return false;
    YamlEvent event;
    if (!Next(event)) return false;
    std::optional<Value> value = Node(event, depth + 1);
    if (!value) return false;
    if (merges) return TakeMerge(key, *value, merged);
    map.members.push_back({std::move(name), At(key->start_mark), std::move(*value)});
    return true;
  }

  // Of several maps the first counts most.
  bool TakeMerge(YamlEvent& key, const Value& value, std::vector<Value>& merged) {
    std::vector<Value> sources = value.kind == Kind::kList ? value.items : std::vector<Value>{value};
    for (Value& source : sources) {
      if (source.kind != Kind::kMap) return Bad(key, "<< takes maps: write <<: *ANCHOR"), false;
      merged.push_back(std::move(source));
    }
    return true;
  }

  struct Anchor {
    Value value;
    Size size;
  };

  std::shared_ptr<const std::string> file_;
  Problems& problems_;
  yaml_parser_t parser_{};
  std::map<std::string, Anchor> anchors_;
  size_t values_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

std::optional<Value> ParseYaml(std::string_view text, const std::string& file, Problems& problems) {
  return Reader(text, file, problems).Document();
}

}  // namespace davit::cli::compose
