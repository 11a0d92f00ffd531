// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/template/functions.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/json.h"
#include "base/suggestion.h"
#include "cli/template/print_format.h"

namespace davit::cli {
namespace {

using nlohmann::json;
using Arguments = std::vector<TemplateValue>;

std::unexpected<std::string> Bad(std::string why) {
  return std::unexpected(std::move(why));
}

// Both are numbers, texts or truth values: less, equal or greater. nullopt if they cannot be compared.
std::optional<int> Compare(const json& a, const json& b) {
  bool alike = (a.is_number() && b.is_number()) || (a.is_string() && b.is_string()) ||
               (a.is_boolean() && b.is_boolean());
  if (!alike) return std::nullopt;
  return a < b ? -1 : b < a ? 1 : 0;
}

TemplateOutcome Equal(const Arguments& arguments) {
  if (arguments.size() < 2) return Bad("it needs two values");
  for (size_t i = 1; i < arguments.size(); ++i) {
    const json& a = *arguments[0];
    const json& b = *arguments[i];
    if (a.is_null() || b.is_null()) {
      if (a.is_null() && b.is_null()) return MakeTemplateValue(true);
      continue;
    }
    std::optional<int> order = Compare(a, b);
    if (!order) return Bad("it cannot compare " + std::string(a.type_name()) + " and " + b.type_name());
    if (*order == 0) return MakeTemplateValue(true);
  }
  return MakeTemplateValue(false);
}

TemplateOutcome NotEqual(const Arguments& arguments) {
  if (arguments.size() != 2) return Bad("it needs two values");
  TemplateOutcome equal = Equal(arguments);
  if (!equal) return equal;
  return MakeTemplateValue(!IsTrue(**equal));
}

template <typename Holds>
TemplateOutcome Ordered(const Arguments& arguments, Holds holds) {
  if (arguments.size() != 2) return Bad("it needs two values");
  std::optional<int> order = Compare(*arguments[0], *arguments[1]);
  if (!order)
    return Bad("it cannot compare " + std::string(arguments[0]->type_name()) + " and " +
               arguments[1]->type_name());
  return MakeTemplateValue(holds(*order));
}

TemplateOutcome Not(const Arguments& arguments) {
  if (arguments.size() != 1) return Bad("it needs one value");
  return MakeTemplateValue(!IsTrue(*arguments[0]));
}

// The first value that decides, or the last one.
TemplateOutcome FirstThat(const Arguments& arguments, bool decides) {
  if (arguments.empty()) return Bad("it needs a value");
  for (const TemplateValue& value : arguments)
    if (IsTrue(*value) == decides) return value;
  return arguments.back();
}

TemplateOutcome Length(const Arguments& arguments) {
  if (arguments.size() != 1) return Bad("it needs one value");
  if (const std::string* text = JsonText(*arguments[0])) return MakeTemplateValue(text->size());
  if (!arguments[0]->is_structured()) return Bad("only texts, lists and objects have a length");
  return MakeTemplateValue(arguments[0]->size());
}

// What a map of Go's type map[string]string has for a key that it lacks.
json Missing(const json& object) {
  bool texts = std::ranges::all_of(object, [](const json& item) { return item.is_string(); });
  return texts ? json("") : json();
}

TemplateOutcome Item(const TemplateValue& value, const json& key) {
  if (value->is_object()) {
    const std::string* name = JsonText(key);
    if (name == nullptr) return Bad("an object is indexed by a text");
    auto found = value->find(*name);
    if (found == value->end()) return MakeTemplateValue(Missing(*value));
    return TemplateValue(value, &*found);
  }
  if (!value->is_array())
    return Bad("only lists and objects have an index, this is " + std::string(value->type_name()));
  std::optional<uint64_t> index = JsonUnsigned(key);
  if (!index || *index >= value->size())
    return Bad("the list has " + std::to_string(value->size()) + " values, and none with the index " +
               TemplateText(key));
  return TemplateValue(value, &(*value)[*index]);
}

TemplateOutcome Index(const Arguments& arguments) {
  if (arguments.empty()) return Bad("it needs a list or an object");
  TemplateValue value = arguments[0];
  for (size_t i = 1; i < arguments.size(); ++i) {
    TemplateOutcome item = Item(value, *arguments[i]);
    if (!item) return item;
    value = *item;
  }
  return value;
}

// "slice text 0 12".
TemplateOutcome Slice(const Arguments& arguments) {
  const std::string* text = arguments.empty() ? nullptr : JsonText(*arguments[0]);
  bool list = !arguments.empty() && arguments[0]->is_array();
  if (arguments.size() > 3 || (text == nullptr && !list))
    return Bad("it needs a text or a list, and two numbers at most");
  size_t size = list ? arguments[0]->size() : text->size();
  uint64_t bounds[2] = {0, size};
  for (size_t i = 1; i < arguments.size(); ++i) {
    std::optional<uint64_t> bound = JsonUnsigned(*arguments[i]);
    if (!bound || *bound > size) return Bad("the number " + TemplateText(*arguments[i]) + " is out of range");
    bounds[i - 1] = *bound;
  }
  if (bounds[0] > bounds[1]) return Bad("the numbers are not in order");
  if (!list) return MakeTemplateValue(text->substr(bounds[0], bounds[1] - bounds[0]));
  json part = json::array();
  for (uint64_t i = bounds[0]; i < bounds[1]; ++i) part.push_back((*arguments[0])[i]);
  return MakeTemplateValue(std::move(part));
}

TemplateOutcome Join(const Arguments& arguments) {
  const std::string* separator = arguments.size() == 2 ? JsonText(*arguments[1]) : nullptr;
  bool list = separator != nullptr && (arguments[0]->is_array() || arguments[0]->is_null());
  if (!list) return Bad("it needs a list and a text, as in {{join .List \",\"}}");
  std::string joined;
  for (const json& item : *arguments[0]) {
    if (&item != &arguments[0]->front()) joined += *separator;
    joined += TemplateText(item);
    if (joined.size() > kMostTemplateBytes) return Bad("the text becomes too long");
  }
  return MakeTemplateValue(std::move(joined));
}

TemplateOutcome SplitText(const Arguments& arguments) {
  const std::string* text = arguments.size() == 2 ? JsonText(*arguments[0]) : nullptr;
  const std::string* separator = arguments.size() == 2 ? JsonText(*arguments[1]) : nullptr;
  if (text == nullptr || separator == nullptr || separator->empty())
    return Bad("it needs a text and a separator, as in {{split .Image \":\"}}");
  json parts = json::array();
  for (size_t begin = 0; begin <= text->size();) {
    size_t end = std::min(text->find(*separator, begin), text->size());
    parts.push_back(text->substr(begin, end - begin));
    begin = end + separator->size();
    if (end == text->size()) break;
  }
  return MakeTemplateValue(std::move(parts));
}

template <typename Change>
TemplateOutcome Changed(const Arguments& arguments, Change change) {
  const std::string* text = arguments.size() == 1 ? JsonText(*arguments[0]) : nullptr;
  if (text == nullptr) return Bad("it needs a text");
  std::string changed = *text;
  bool begins = true;  // a word
  for (char& c : changed) {
    auto byte = static_cast<unsigned char>(c);
    c = static_cast<char>(change(byte, begins));
    begins = std::isspace(byte) != 0;
  }
  return MakeTemplateValue(std::move(changed));
}

// "pad text 2 1": spaces around a text that is not empty.
TemplateOutcome Pad(const Arguments& arguments) {
  constexpr uint64_t kMostSpaces = 4096;
  const std::string* text = arguments.size() == 3 ? JsonText(*arguments[0]) : nullptr;
  if (text == nullptr) return Bad("it needs a text and two numbers");
  uint64_t before = JsonUnsigned(*arguments[1]).value_or(kMostSpaces + 1);
  uint64_t after = JsonUnsigned(*arguments[2]).value_or(kMostSpaces + 1);
  if (before > kMostSpaces || after > kMostSpaces) return Bad("the numbers are 0 to 4096");
  if (text->empty()) return arguments[0];
  return MakeTemplateValue(std::string(before, ' ') + *text + std::string(after, ' '));
}

// "truncate text 12".
TemplateOutcome Truncate(const Arguments& arguments) {
  const std::string* text = arguments.size() == 2 ? JsonText(*arguments[0]) : nullptr;
  std::optional<uint64_t> length = arguments.size() == 2 ? JsonUnsigned(*arguments[1]) : std::nullopt;
  if (text == nullptr || !length) return Bad("it needs a text and a number");
  return MakeTemplateValue(text->substr(0, *length));
}

// Spaces only between two values that are no texts, as Go does.
TemplateOutcome Print(const Arguments& arguments) {
  std::string text;
  bool spaced = false;
  for (const TemplateValue& value : arguments) {
    if (spaced && !value->is_string()) text += ' ';
    text += TemplateText(*value);
    spaced = !value->is_string();
    if (text.size() > kMostTemplateBytes) return Bad("the text becomes too long");
  }
  return MakeTemplateValue(std::move(text));
}

TemplateOutcome PrintLine(const Arguments& arguments) {
  std::string text;
  for (const TemplateValue& value : arguments) {
    text += (text.empty() ? "" : " ") + TemplateText(*value);
    if (text.size() > kMostTemplateBytes) return Bad("the text becomes too long");
  }
  return MakeTemplateValue(text + "\n");
}

TemplateOutcome Json(const Arguments& arguments) {
  if (arguments.size() != 1) return Bad("it needs one value");
  return MakeTemplateValue(PrintJson(*arguments[0]));
}

using Function = TemplateOutcome (*)(const Arguments& arguments);

const std::map<std::string, Function>& Functions() {
  static const std::map<std::string, Function> functions = {
      {"and", [](const Arguments& a) { return FirstThat(a, false); }},
      {"or", [](const Arguments& a) { return FirstThat(a, true); }},
      {"not", Not},
      {"eq", Equal},
      {"ne", NotEqual},
      {"lt", [](const Arguments& a) { return Ordered(a, [](int order) { return order < 0; }); }},
      {"le", [](const Arguments& a) { return Ordered(a, [](int order) { return order <= 0; }); }},
      {"gt", [](const Arguments& a) { return Ordered(a, [](int order) { return order > 0; }); }},
      {"ge", [](const Arguments& a) { return Ordered(a, [](int order) { return order >= 0; }); }},
      {"len", Length},
      {"index", Index},
      {"slice", Slice},
      {"join", Join},
      {"split", SplitText},
      {"lower", [](const Arguments& a) { return Changed(a, [](int c, bool) { return std::tolower(c); }); }},
      {"upper", [](const Arguments& a) { return Changed(a, [](int c, bool) { return std::toupper(c); }); }},
      {"title",
       [](const Arguments& a) {
         return Changed(a, [](int c, bool begins) { return begins ? std::toupper(c) : c; });
       }},
      {"pad", Pad},
      {"truncate", Truncate},
      {"print", Print},
      {"println", PrintLine},
      {"printf", PrintFormatted},
      {"json", Json}};
  return functions;
}

std::string TextWithin(const json& value) {
  return value.is_null() ? "<nil>" : TemplateText(value);
}

}  // namespace

TemplateValue MakeTemplateValue(json value) {
  return std::make_shared<const json>(std::move(value));
}

bool IsTemplateFunction(const std::string& name) {
  return Functions().contains(name);
}

std::string SuggestFunction(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [function, ignored] : Functions()) known.push_back(function);
  std::string nearest = Nearest(name, known);
  return nearest.empty() ? "" : "; did you mean " + nearest + "?";
}

TemplateOutcome CallTemplateFunction(const std::string& name, const Arguments& arguments) {
  auto function = Functions().find(name);
  return function == Functions().end() ? Bad("there is no such function") : function->second(arguments);
}

bool IsTrue(const json& value) {
  if (std::optional<bool> truth = JsonBool(value)) return *truth;
  if (const std::string* text = JsonText(value)) return !text->empty();
  if (value.is_number()) return value != 0;
  return !value.is_null() && !value.empty();
}

std::string TemplateText(const json& value) {
  if (value.is_null()) return "<no value>";
  if (const std::string* text = JsonText(value)) return *text;
  if (!value.is_structured()) return PrintJson(value);
  std::string text;
  for (const auto& item : value.items()) {
    if (!text.empty()) text += ' ';
    if (value.is_object()) text += item.key() + ":";
    text += TextWithin(item.value());
  }
  return (value.is_object() ? "map" : "") + ('[' + text + ']');
}

}  // namespace davit::cli
