// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Paths judged by their components: "/pods/u2" does not lie below "/pods/u", though it begins with it.
#pragma once

#include <string_view>
#include <vector>

namespace davit {

// The names between the slashes, without empty ones.
std::vector<std::string_view> PathComponents(std::string_view path);

// Whether `name` can be one component: not empty, "." or "..", and without a slash.
bool IsPathComponent(std::string_view name);

// Whether the components of `directory` stand somewhere in those of `path`, one after the other, and are
// followed by at least one more. False when `directory` has none. Both are plain text: symlinks and ".." are
// the caller's to resolve.
bool LiesBelow(std::string_view path, std::string_view directory);

}  // namespace davit
