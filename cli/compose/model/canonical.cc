// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/canonical.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/number.h"
#include "base/suggestion.h"
#include "cli/compose/model/short_forms.h"
#include "cli/compose/model/text_forms.h"

namespace davit::cli::compose {
namespace {

std::string Shown(const Value& value) {
  return value.IsScalar() && !value.IsNull() ? "\"" + value.text.substr(0, 100) + "\""
                                             : std::string(NameOf(value.kind));
}

// Reads one value; `path` is its place in the document, such as "services.web.ports".
class Canonizer {
 public:
  explicit Canonizer(const Surroundings& around) : around_(around) {}

  std::optional<Value> Read(const Value& value, const Rule& rule, const std::string& path) const {
    if (value.tag == Tag::kReset) return value;
    std::optional<Value> read = ReadForm(value, rule, path);
    if (read) read->tag = value.tag;
    return read;
  }

 private:
  std::nullopt_t Bad(const Value& value, const std::string& path, const std::string& wanted) const {
    around_.problems->Add(value.place, path + " is " + Shown(value) + ": write " + wanted);
    return std::nullopt;
  }

  std::optional<Value> ReadForm(const Value& value, const Rule& rule, const std::string& path) const {
    switch (rule.form) {
      case Form::kAny:
        return value;
      case Form::kObject:
        return Object(value, rule, path);
      case Form::kMapOf:
        return Map(value, rule, path);
      case Form::kListOf:
        return List(value, rule, path);
      case Form::kCommand:
      case Form::kTest:
      case Form::kTexts:
        return Texts(value, rule.form, path);
      case Form::kPairs:
        return Pairs(value, path);
      default:
        return Scalar(value, rule.form, path);
    }
  }

  std::optional<Value> Scalar(const Value& value, Form form, const std::string& path) const {
    bool number = value.kind == Kind::kInteger || value.kind == Kind::kFloat;
    bool text = value.kind == Kind::kText;
    const std::string& written = value.text;
    switch (form) {
      case Form::kText:
        if (!text && !number) return Bad(value, path, "a text");
        return TextValue(written, value.place);
      case Form::kPath:
        if (!text || written.empty()) return Bad(value, path, "a path");
        return TextValue(AbsolutePath(written, around_), value.place);
      case Form::kBool:
        return Bool(value, path);
      case Form::kInteger: {
        std::optional<int64_t> integer = Integer(value);
        if (!integer) return Bad(value, path, "a whole number");
        return IntegerValue(*integer, value.place);
      }
      case Form::kNumber:
        return Number(value, path);
      case Form::kDuration: {
        std::optional<int64_t> duration = text ? ParseDuration(written) : std::nullopt;
        if (!duration) return Bad(value, path, "a duration, such as 10s or 1m30s");
        return TextValue(DurationText(*duration), value.place);
      }
      default: {
        std::optional<int64_t> bytes = text || number ? ParseBytes(written) : std::nullopt;
        if (!bytes && written == "-1") bytes = -1;
        if (!bytes) return Bad(value, path, "a size, such as 512m or 1g");
        return TextValue(std::to_string(*bytes), value.place);
      }
    }
  }

  std::optional<Value> Bool(const Value& value, const std::string& path) const {
    bool is_true = value.IsTrue() || (value.kind == Kind::kText && value.text == "true");
    bool is_false = (value.kind == Kind::kBool && !value.IsTrue()) ||
                    (value.kind == Kind::kText && value.text == "false");
    if (!is_true && !is_false) return Bad(value, path, "true or false");
    return BoolValue(is_true, value.place);
  }

  // Modes of files are octal: "0440" and 0o440.
  static std::optional<int64_t> Integer(const Value& value) {
    if (value.kind != Kind::kInteger && value.kind != Kind::kText) return std::nullopt;
    std::string_view digits = value.text;
    if (digits.starts_with("0o")) return WholeNumber<int64_t>(digits.substr(2), 8);
    if (digits.size() > 1 && digits.starts_with('0')) return WholeNumber<int64_t>(digits, 8);
    return WholeNumber<int64_t>(digits);
  }

  std::optional<Value> Number(const Value& value, const std::string& path) const {
    double number = 0;
    const char* last = value.text.data() + value.text.size();
    auto [end, error] = std::from_chars(value.text.data(), last, number);
    bool scalar = value.IsScalar() && !value.IsNull() && value.kind != Kind::kBool;
    if (!scalar || error != std::errc() || end != last || !(number >= 0 && number < 1e9))
      return Bad(value, path, "a number");
    Value result = TextValue(value.text, value.place);
    result.kind = Kind::kFloat;
    return result;
  }

  std::optional<Value> Texts(const Value& value, Form form, const std::string& path) const {
    if (value.IsNull() && form == Form::kCommand) return value;
    Value list = ListValue(value.place);
    if (value.kind == Kind::kText && form == Form::kCommand) {
      std::optional<std::vector<std::string>> words = SplitWords(value.text);
      if (!words) return Bad(value, path, "a command line whose quotes are closed");
      for (std::string& word : *words) list.items.push_back(TextValue(std::move(word), value.place));
      return list;
    }
    if (value.kind == Kind::kText && form == Form::kTest) {
      list.items = {TextValue("CMD-SHELL", value.place), TextValue(value.text, value.place)};
      return list;
    }
    if (value.IsScalar() && !value.IsNull() && value.kind != Kind::kBool) {
      list.items = {TextValue(value.text, value.place)};
      return list;
    }
    if (value.kind != Kind::kList) return Bad(value, path, "a list of texts");
    for (const Value& item : value.items) {
      if (!item.IsScalar() || item.IsNull() || item.kind == Kind::kBool)
        return Bad(item, path, "a text; a word such as yes or true in quotes");
      list.items.push_back(TextValue(item.text, item.place));
    }
    return list;
  }

  std::optional<Value> Pairs(const Value& value, const std::string& path) const {
    Value map = MapValue(value.place);
    if (value.kind == Kind::kMap) {
      for (const Member& member : value.members) {
        if (member.value.kind == Kind::kList || member.value.kind == Kind::kMap)
          return Bad(member.value, path + "." + member.key, "a text");
        Value text = member.value;
        if (!text.IsNull()) text.kind = Kind::kText;
        map.members.push_back({member.key, member.place, std::move(text)});
      }
      return map;
    }
    if (value.kind != Kind::kList) return Bad(value, path, "a map, or a list of NAME=VALUE");
    for (const Value& item : value.items) {
      size_t equals = item.text.find('=');
      if (item.kind != Kind::kText || equals == 0) return Bad(item, path, "NAME=VALUE or NAME");
      Value text = NullValue(item.place);
      if (equals != std::string::npos) text = TextValue(item.text.substr(equals + 1), item.place);
      map.Set(item.text.substr(0, equals), std::move(text));
    }
    return map;
  }

  // The long form; none, and a problem, if there is no such.
  std::vector<Value> Expanded(const Value& value, const Rule& rule) const {
    return rule.expand == nullptr ? std::vector<Value>{value} : rule.expand(value, around_);
  }

  std::optional<Value> Object(const Value& short_form, const Rule& rule, const std::string& path) const {
    std::vector<Value> expanded = Expanded(short_form, rule);
    if (expanded.empty()) return std::nullopt;
    return LongObject(expanded.front(), rule, path);
  }

  std::optional<Value> LongObject(const Value& value, const Rule& rule, const std::string& path) const {
    Value map = MapValue(value.place);
    if (value.IsNull()) return map;
    if (value.kind != Kind::kMap) return Bad(value, path, "a map");
    for (const Member& member : value.members) {
      if (member.key.starts_with("x-")) continue;
      std::string inner = path.empty() ? member.key : path + "." + member.key;
      const Key* key = KnownKey(member, rule, inner);
      if (key == nullptr) continue;
      std::optional<Value> read = ReadMember(member.value, *key->rule, inner);
      if (read) map.members.push_back({member.key, member.place, std::move(*read)});
    }
    return map;
  }

  // A key without a value is as none, except where nothing has a meaning.
  std::optional<Value> ReadMember(const Value& value, const Rule& rule, const std::string& path) const {
    bool scalar_or_list = rule.form != Form::kObject && rule.form != Form::kMapOf;
    bool means_something = rule.form == Form::kCommand || value.tag != Tag::kNone;
    if (value.IsNull() && scalar_or_list && !means_something) return std::nullopt;
    return Read(value, rule, path);
  }

  // Null, unless the key is to be read.
  const Key* KnownKey(const Member& member, const Rule& rule, const std::string& path) const {
    auto found = std::ranges::find(rule.keys, member.key, &Key::name);
    if (found == rule.keys.end()) {
      std::string nearest = Nearest(member.key, NamesOf(rule.keys));
      around_.problems->Add(member.place, "the key " + path + " is not known" +
                                              (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
      return nullptr;
    }
    if (found->support == Support::kNo)
      around_.problems->Add(member.place, path + " is not supported: " + std::string(found->advice));
    return found->support == Support::kYes ? &*found : nullptr;
  }

  std::optional<Value> Map(const Value& short_form, const Rule& rule, const std::string& path) const {
    std::vector<Value> expanded = Expanded(short_form, rule);
    if (expanded.empty()) return std::nullopt;
    const Value& value = expanded.front();
    Value map = MapValue(value.place);
    if (value.IsNull()) return map;
    if (value.kind != Kind::kMap) return Bad(value, path, "a map");
    for (const Member& member : value.members) {
      if (path.empty() && member.key.starts_with("x-")) continue;
      std::string inner = path + "." + member.key;
      bool settings = !member.value.IsNull() || member.value.tag != Tag::kNone;
      std::optional<Value> read = settings ? Read(member.value, *rule.of, inner) : member.value;
      if (read) map.members.push_back({member.key, member.place, std::move(*read)});
    }
    return map;
  }

  std::optional<Value> List(const Value& value, const Rule& rule, const std::string& path) const {
    Value list = ListValue(value.place);
    Value single = ListValue(value.place);
    if (value.kind == Kind::kText) single.items = {value};  // env_file: PATH, include: PATH
    if (value.kind != Kind::kList && single.items.empty()) return Bad(value, path, "a list");
    for (const Value& item : value.kind == Kind::kList ? value.items : single.items) {
      for (const Value& expanded : Expanded(item, *rule.of)) {
        std::optional<Value> read = LongObject(expanded, *rule.of, path);
        if (read) list.items.push_back(std::move(*read));
      }
    }
    return list;
  }

  const Surroundings& around_;
};

}  // namespace

Value Canonical(const Value& value, const Rule& rule, const Surroundings& around) {
  std::optional<Value> read = Canonizer(around).Read(value, rule, "");
  return read ? std::move(*read) : MapValue(value.place);
}

}  // namespace davit::cli::compose
