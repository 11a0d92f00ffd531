// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/mount.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "cli/build/dockerfile/characters.h"
#include "cli/build/dockerfile/csv.h"
#include "cli/build/dockerfile/nearest_word.h"
#include "cli/build/dockerfile/quantities.h"

namespace davit::cli::dockerfile {
namespace {

constexpr std::string_view kKinds[] = {"bind", "cache", "tmpfs", "secret"};
constexpr std::string_view kSharings[] = {"shared", "private", "locked"};
constexpr std::string_view kKeys[] = {
    "type", "from", "source", "target", "readonly",    "id", "sharing", "required",  "size", "mode",
    "uid",  "gid",  "src",    "dst",    "destination", "ro", "rw",      "readwrite", "env"};

// One "key=value", or a key alone.
struct Field {
  std::string key;
  std::optional<std::string> value;
};

Parsed<std::vector<Field>> SplitFields(const Token& text) {
  auto parts = SplitCsv(text.text);
  if (!parts)
    return Refuse(text.place, "--mount=" + text.text + ": expected key=value,... with paired quotes");
  std::vector<Field> fields;
  for (const std::string& part : *parts) {
    const size_t sign = part.find('=');
    Field field{LowerCase(part.substr(0, sign)), std::nullopt};
    if (sign != std::string::npos) field.value = part.substr(sign + 1);
    fields.push_back(std::move(field));
  }
  return fields;
}

// Reads the fields of one mount.
class MountParser {
 public:
  MountParser(const Token& text, const ExpandValue& expand) : text_(text), expand_(expand) {}

  Parsed<Mount> Parse() {
    std::vector<Field> fields = TRY(SplitFields(text_));
    for (Field& field : fields) TRY(Take(field));
    TRY(CheckKeys());
    if (!read_only_is_set_)
      mount_.read_only = mount_.kind == Mount::Kind::kBind || mount_.kind == Mount::Kind::kSecret;
    return std::move(mount_);
  }

 private:
  Parsed<> Take(Field& field);
  Parsed<> TakeValue(const std::string& key, const std::string& value);
  Parsed<> TakeFlag(const std::string& key, bool value);
  Parsed<> TakeKind(const std::string& value);
  Parsed<> TakeSharing(const std::string& value);
  Parsed<> TakeSize(const std::string& value);
  Parsed<> TakeNumber(const std::string& key, const std::string& value);
  Parsed<> CheckKeys() const;
  Parsed<> CheckSecret() const;

  std::unexpected<Problem> Wrong(std::string text, std::string nearest = {}) const {
    return Refuse(text_.place, std::move(text), std::move(nearest));
  }
  std::unexpected<Problem> WrongValue(const std::string& key, const std::string& value) const {
    return Wrong("invalid value for " + key + ": " + value);
  }
  std::unexpected<Problem> NotOfThisKind(std::string_view key) const {
    return Wrong("unexpected key '" + std::string(key) + "' for mount type '" +
                 std::string(kKinds[static_cast<size_t>(mount_.kind)]) + "'");
  }

  const Token& text_;
  const ExpandValue& expand_;
  Mount mount_;
  bool read_only_is_set_ = false;
  bool sharing_is_set_ = false;
};

bool IsFlag(std::string_view key) {
  return key == "readonly" || key == "ro" || key == "readwrite" || key == "rw" || key == "required";
}

Parsed<> MountParser::Take(Field& field) {
  if (std::ranges::find(kKeys, field.key) == std::end(kKeys))
    return Wrong("unexpected key '" + field.key + "' in --mount", NearestWord(field.key, kKeys));
  if (!field.value && !IsFlag(field.key))
    return Wrong("invalid field '" + field.key + "' must be a key=value pair");
  if (field.value && field.key != "from") field.value = TRY(expand_({*field.value, text_.place}));
  if (!IsFlag(field.key)) return TakeValue(field.key, *field.value);
  auto value = field.value ? ParseBool(*field.value) : true;
  return value ? TakeFlag(field.key, *value) : Parsed<>(WrongValue(field.key, *field.value));
}

Parsed<> MountParser::TakeValue(const std::string& key, const std::string& value) {
  if (key == "type") return TakeKind(value);
  if (key == "sharing") return TakeSharing(value);
  if (key == "size") return TakeSize(value);
  if (key == "mode" || key == "uid" || key == "gid") return TakeNumber(key, value);
  if (key == "from") return mount_.from = TRY(MountSource(text_)), Parsed<>();
  if (key == "id") {
    mount_.id = value;
  } else if (key == "env") {
    mount_.variable = value;
  } else if (key == "source" || key == "src") {
    mount_.source = value;
  } else {
    mount_.target = value;
  }
  return {};
}

Parsed<> MountParser::TakeFlag(const std::string& key, bool value) {
  if (key == "required") {
    if (mount_.kind != Mount::Kind::kSecret) return NotOfThisKind(key);
    mount_.required = value;
  } else {
    mount_.read_only = key.starts_with("readw") || key == "rw" ? !value : value;
    read_only_is_set_ = true;
  }
  return {};
}

Parsed<> MountParser::TakeKind(const std::string& value) {
  const std::string kind = LowerCase(value);
  if (kind == "ssh") return Wrong("--mount=type=ssh is not supported");
  auto found = std::ranges::find(kKinds, kind);
  if (found == std::end(kKinds))
    return Wrong("unsupported mount type \"" + value + "\"", NearestWord(value, kKinds));
  mount_.kind = static_cast<Mount::Kind>(found - std::begin(kKinds));
  return {};
}

Parsed<> MountParser::TakeSharing(const std::string& value) {
  auto found = std::ranges::find(kSharings, LowerCase(value));
  if (found == std::end(kSharings))
    return Wrong("unsupported sharing value \"" + value + "\"", NearestWord(value, kSharings));
  mount_.sharing = static_cast<Mount::Sharing>(found - std::begin(kSharings));
  sharing_is_set_ = true;
  return {};
}

Parsed<> MountParser::TakeSize(const std::string& value) {
  if (mount_.kind != Mount::Kind::kTmpfs) return NotOfThisKind("size");
  auto size = ParseByteSize(value);
  if (!size) return WrongValue("size", value);
  mount_.size_limit = *size;
  return {};
}

Parsed<> MountParser::TakeNumber(const std::string& key, const std::string& value) {
  auto number = ParseNumber(value, key == "mode" ? 8 : 10);
  if (!number) return WrongValue(key, value);
  (key == "mode" ? mount_.mode : key == "uid" ? mount_.uid : mount_.gid) = number;
  return {};
}

// What depends on the type, which may come last.
Parsed<> MountParser::CheckKeys() const {
  const bool has_owner = mount_.kind == Mount::Kind::kCache || mount_.kind == Mount::Kind::kSecret;
  for (auto [key, value] : {std::pair("mode", mount_.mode), {"uid", mount_.uid}, {"gid", mount_.gid}}) {
    if (value && !has_owner) return NotOfThisKind(key);
  }
  if (sharing_is_set_ && mount_.kind != Mount::Kind::kCache) return NotOfThisKind("sharing");
  if (mount_.kind == Mount::Kind::kSecret) return CheckSecret();
  return {};
}

Parsed<> MountParser::CheckSecret() const {
  if (!mount_.from.text.empty()) return NotOfThisKind("from");
  if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty())
    return Wrong("invalid secret mount: one of id, source, target is required");
  if (!mount_.source.empty() && !mount_.id.empty())
    return Wrong("invalid secret mount: both source and id can't be set");
  return {};
}

}  // namespace

Parsed<Mount> ParseMount(const Token& text, const ExpandValue& expand) {
  return MountParser(text, expand).Parse();
}

Parsed<Token> MountSource(const Token& text) {
  Token from{.place = text.place};
  for (Field& field : TRY(SplitFields(text))) {
    if (field.key == "from" && field.value) from.text = *std::move(field.value);
  }
  if (const size_t dollar = from.text.find('$');
      dollar != std::string::npos && dollar + 1 != from.text.size())
    return Refuse(text.place, "'from' doesn't support variable expansion: define an alias stage instead");
  return from;
}

}  // namespace davit::cli::dockerfile
