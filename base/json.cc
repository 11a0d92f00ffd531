// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/json_line.h"
#include "base/utf8.h"

namespace davit {

using nlohmann::json;

namespace {

// The maximum number of values. One takes up to 100 bytes of memory, whatever its text; a manifest of the
// maximum size, 4 MiB, has less than half as many if its content is useful.
constexpr size_t kMostValues = 256 << 10;

// What is wrong with the size of the document, before it takes memory; empty if nothing is. Brackets and
// commas in strings do not count.
std::string_view Excess(std::string_view text) {
  size_t depth = 0;
  size_t values = 1;  // at least as many as there are
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return "nested too deeply";
      ++values;
    } else if (c == ',') {
      ++values;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
    if (values > kMostValues) return "too many values";
  }
  return {};
}

// The code unit of an escape "\uXXXX" at the beginning of `text`; 0 if there is none.
uint32_t EscapedUnit(std::string_view text) {
  uint32_t unit = 0;
  if (!text.starts_with("\\u") || text.size() < 6) return 0;
  auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return error == std::errc() && end == text.data() + 6 ? unit : 0;
}

bool IsHighSurrogate(uint32_t unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool IsLowSurrogate(uint32_t unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

// Appends what stands for the escape sequence at the beginning of `text`; returns the length of the sequence.
size_t AppendEscape(std::string_view text, std::string& out) {
  uint32_t unit = EscapedUnit(text);
  size_t length = unit == 0 ? 2 : 6;
  if (IsHighSurrogate(unit) && IsLowSurrogate(EscapedUnit(text.substr(6)))) length = 12;
  bool lone = length == 6 && (IsHighSurrogate(unit) || IsLowSurrogate(unit));
  out += lone ? "\\ufffd" : text.substr(0, length);
  return length;
}

// Outside of strings a replaced byte is as malformed as it was.
std::string WithReplacedCharacters(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  while (!text.empty()) {
    size_t length = CharacterLength(text);
    if (text[0] == '\\') {
      length = AppendEscape(text, out);
    } else {
      out += length == 0 ? kReplacement : text.substr(0, length);
    }
    text.remove_prefix(std::min(std::max<size_t>(length, 1), text.size()));
  }
  return out;
}

// Takes note of where a text stops being JSON, and keeps nothing else.
class ErrorFinder : public nlohmann::json_sax<json> {
 public:
  size_t offset() const { return offset_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    offset_ = position > 0 ? position - 1 : 0;  // behind the character that was not expected
    return false;
  }

 private:
  size_t offset_ = 0;
};

size_t LineOfError(std::string_view text) {
  ErrorFinder finder;
  json::sax_parse(text, &finder);
  return LineOf(text, finder.offset());
}

void BecomeObject(json& value) {
  if (!value.is_object()) value = json::object();
}

}  // namespace

Result<json> ParseJson(std::string_view text, std::string_view what) {
  if (auto excess = Excess(text); !excess.empty()) return Fail(Code::kInvalidArgument, "parse", what, excess);
  json value = json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!value.is_discarded()) return value;
  std::string replaced = WithReplacedCharacters(text);
  value = json::parse(replaced, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!value.is_discarded()) return value;
  return Fail(Code::kInvalidArgument, "parse", what,
              "not JSON from line " + std::to_string(LineOfError(replaced)));
}

json JsonOrNull(std::string_view text) {
  return ParseJson(text, "").value_or(json());
}

const json* JsonMember(const json& value, std::string_view name) {
  auto found = value.find(name);  // the end of what is not an object
  return found == value.end() || found->is_null() ? nullptr : &*found;
}

const std::string* JsonText(const json& value) {
  return value.get_ptr<const std::string*>();
}

std::optional<bool> JsonBool(const json& value) {
  const bool* found = value.get_ptr<const bool*>();
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<int64_t> JsonInteger(const json& value) {
  // nlohmann::json keeps what is not negative as unsigned.
  if (const uint64_t* found = value.get_ptr<const uint64_t*>()) {
    if (*found > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(*found);
  }
  const int64_t* found = value.get_ptr<const int64_t*>();
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<uint64_t> JsonUnsigned(const json& value) {
  if (const uint64_t* found = value.get_ptr<const uint64_t*>()) return *found;
  const int64_t* found = value.get_ptr<const int64_t*>();
  return found == nullptr || *found < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(*found));
}

std::string JsonTextMember(const json& value, std::string_view name) {
  const json* member = JsonMember(value, name);
  const std::string* text = member == nullptr ? nullptr : JsonText(*member);
  return text == nullptr ? std::string() : *text;
}

json& JsonObjectMember(json& object, std::string_view name) {
  BecomeObject(object);
  json& member = object[std::string(name)];
  BecomeObject(member);
  return member;
}

void SetJsonMember(json& object, std::string_view name, json value) {
  BecomeObject(object);
  object[std::string(name)] = std::move(value);
}

void EraseJsonMember(json& object, std::string_view name) {
  if (object.is_object()) object.erase(std::string(name));
}

std::string PrintJson(const json& value, int indent) {
  return value.dump(indent, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

}  // namespace davit
