// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The part of Go's templates that people use with --format.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.h"

namespace davit::cli {

// Replaces "{{.Field}}", "{{.Field.Inner}}", "{{.}}" and "{{json .Field}}" by what `value` has there: strings
// as they are, everything else as JSON. "\t" and "\n" outside of the braces are a tab and a newline.
// kInvalidArgument for a field that does not exist, with those that do, and for anything else in braces.
Result<std::string> RenderTemplate(const std::string& format, const nlohmann::json& value);

// The names in the braces, upper case, for a table's header: "ID\tNAMES".
std::string HeaderOfTemplate(const std::string& format);

}  // namespace davit::cli
