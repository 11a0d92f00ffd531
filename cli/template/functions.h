// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The functions of templates: Go's own and those that Docker adds, as far as people use them.
#pragma once

#include <expected>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace davit::cli {

// A value that a template has reached; shares the document that it is a part of.
using TemplateValue = std::shared_ptr<const nlohmann::json>;

// A value, or why there is none: a sentence without the function's name.
using TemplateOutcome = std::expected<TemplateValue, std::string>;

// Texts and lists that a function makes are at most this long.
inline constexpr size_t kMostTemplateBytes = 16 << 20;

TemplateValue MakeTemplateValue(nlohmann::json value);

bool IsTemplateFunction(const std::string& name);

// "; did you mean json?", or nothing.
std::string SuggestFunction(const std::string& name);

// Calls a function with the values of its arguments. `and` and `or` get all of them.
TemplateOutcome CallTemplateFunction(const std::string& name, const std::vector<TemplateValue>& arguments);

// As an `if` sees it: false, 0, null and what is empty are false.
bool IsTrue(const nlohmann::json& value);

// As Go prints it: texts as they are, lists as "[a b]", objects as "map[k:v]", null as "<no value>".
std::string TemplateText(const nlohmann::json& value);

}  // namespace davit::cli
