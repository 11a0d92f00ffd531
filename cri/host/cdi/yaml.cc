// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/yaml.h"

#include <yaml.h>

#include <charconv>
#include <limits>
#include <string>

#include "base/json.h"
#include "base/yaml_event.h"

namespace davit::cri::cdi {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 32;

;

Json Number(const std::string& text) {
  bool negative = text.starts_with('-');
  std::string_view digits = std::string_view(text).substr(negative || text.starts_with('+') ? 1 : 0);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0o")) {
    base = digits[1] == 'x' ? 16 : 8;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits.starts_with('0')) {
    base = 8;
  }
  uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return text;
  if (!negative) return value;
  constexpr auto kLargest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (value > kLargest) return text;
  return -static_cast<int64_t>(value);
}

Json Plain(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return Number(text);
}

class Reader {
 public:
  explicit Reader(std::string_view text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  Result<Json> Document() {
    TRY(Expect(YAML_STREAM_START_EVENT));
    TRY(Expect(YAML_DOCUMENT_START_EVENT));
    YamlEvent first;
    TRY(Next(first));
    Json root = TRY(Node(first, /*depth=*/0));
    TRY(Expect(YAML_DOCUMENT_END_EVENT));
    TRY(Expect(YAML_STREAM_END_EVENT));
    return root;
  }

 private:
  std::unexpected<Error> Bad(size_t line, std::string_view why) const {
    return Fail(Code::kInvalidArgument, "parse YAML", "line " + std::to_string(line + 1), why);
  }

  Result<> Next(YamlEvent& event) {
    if (yaml_parser_parse(&parser_, event.get()) == 1) return {};
    return Bad(parser_.problem_mark.line, parser_.problem == nullptr ? "malformed" : parser_.problem);
  }

  Result<> Expect(yaml_event_type_t type) {
    YamlEvent event;
    TRY(Next(event));
    return event->type == type ? Result<>{} : Bad(event->start_mark.line, "not one document");
  }

  Result<Json> Node(YamlEvent& event, int depth) {
    if (depth > kMaxDepth) return Bad(event->start_mark.line, "nested too deeply");
    switch (event->type) {
      case YAML_SCALAR_EVENT:
        return Scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        return Sequence(event, depth);
      case YAML_MAPPING_START_EVENT:
        return Mapping(event, depth);
      default:
        return Bad(event->start_mark.line, "an alias, or no content");
    }
  }

  Result<Json> Scalar(YamlEvent& event) const {
    const auto& scalar = event->data.scalar;
    if (scalar.anchor != nullptr || scalar.tag != nullptr)
      return Bad(event->start_mark.line, "an anchor or a tag");
    std::string text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    return scalar.style == YAML_PLAIN_SCALAR_STYLE ? Plain(text) : Json(text);
  }

  Result<Json> Sequence(YamlEvent& start, int depth) {
    if (start->data.sequence_start.anchor != nullptr || start->data.sequence_start.tag != nullptr)
      return Bad(start->start_mark.line, "an anchor or a tag");
    Json list = Json::array();
    while (true) {
      YamlEvent item;
      TRY(Next(item));
      if (item->type == YAML_SEQUENCE_END_EVENT) return list;
      list.push_back(TRY(Node(item, depth + 1)));
    }
  }

  Result<Json> Mapping(YamlEvent& start, int depth) {
    if (start->data.mapping_start.anchor != nullptr || start->data.mapping_start.tag != nullptr)
      return Bad(start->start_mark.line, "an anchor or a tag");
    Json object = Json::object();
    while (true) {
      YamlEvent key;
      TRY(Next(key));
      if (key->type == YAML_MAPPING_END_EVENT) return object;
      if (key->type != YAML_SCALAR_EVENT) return Bad(key->start_mark.line, "a key that is no text");
      TRY(Scalar(key));
      std::string name(reinterpret_cast<const char*>(key->data.scalar.value), key->data.scalar.length);
      if (object.contains(name)) return Bad(key->start_mark.line, name + " is there twice");
      YamlEvent value;
      TRY(Next(value));
      SetJsonMember(object, name, TRY(Node(value, depth + 1)));
    }
  }

  yaml_parser_t parser_{};
};

}  // namespace

Result<Json> ParseYaml(std::string_view text) {
  return Reader(text).Document();
}

}  // namespace davit::cri::cdi
