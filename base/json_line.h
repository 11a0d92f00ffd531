// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lines of JSON documents, for errors that a person is to find in a file. (The parser keeps no positions.)
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <variant>

namespace davit {

// The line, from 1, that contains the byte at `offset`.
size_t LineOf(std::string_view text, size_t offset);

// A step from a value to one inside it: the member of an object, or the element of an array.
using JsonStep = std::variant<std::string_view, size_t>;

// The line, from 1, in which the value at `path` begins. `text` must be one that ParseJson accepts. If there
// is no such value, the line of the last one on the path. Names with escapes are not found.
size_t JsonLine(std::string_view text, std::span<const JsonStep> path);

}  // namespace davit
