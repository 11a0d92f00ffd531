// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Paths compared by components: "/pods/u2" is not below "/pods/u", although it starts with it.
#pragma once

#include <string_view>
#include <vector>

namespace davit {

// The names between the slashes; empty ones are omitted.
std::vector<std::string_view> PathComponents(std::string_view path);

// True if `name` can be one component: not empty, not "." or "..", and without a slash.
bool IsPathComponent(std::string_view name);

// True if the components of `directory` occur in `path`, at any position and consecutively, and at least one
// more component follows. False if `directory` has none. Both are plain text: the caller resolves symlinks
// and "..".
bool LiesBelow(std::string_view path, std::string_view directory);

}  // namespace davit
