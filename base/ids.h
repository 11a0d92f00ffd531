// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Identifiers of sandboxes, containers and execs.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

// 64 lower-case hexadecimal digits from getrandom(2).
Result<std::string> NewId();

// True for strings of the form that NewId returns. Only such a string may become part of a path.
bool IsId(std::string_view text);

}  // namespace davit
