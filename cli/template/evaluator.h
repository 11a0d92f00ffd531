// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Carries a template out.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/template/nodes.h"

namespace davit::cli {

struct TemplateInput {
  const nlohmann::json& value;
  // For {{.Label "key"}}; null: there is no such method.
  const std::map<std::string, std::string>* labels = nullptr;
};

// The text of a template, at most 16 MiB. `text` is what the nodes were parsed from, for errors. A field that
// an object lacks is an error that names those it has, except in a condition, where it is false, and except
// if its name begins with a small letter: fields do not, so it is the key of a map, and "<no value>".
Result<std::string> EvaluateTemplate(const std::string& text, const std::vector<Node>& nodes,
                                     const TemplateInput& input);

}  // namespace davit::cli
