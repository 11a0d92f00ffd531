// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/path_components.h"

#include <algorithm>

namespace davit {

std::vector<std::string_view> PathComponents(std::string_view path) {
  std::vector<std::string_view> components;
  while (!path.empty()) {
    std::string_view name = path.substr(0, path.find('/'));
    if (!name.empty()) components.push_back(name);
    path.remove_prefix(std::min(name.size() + 1, path.size()));
  }
  return components;
}

bool IsPathComponent(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && !name.contains('/');
}

bool LiesBelow(std::string_view path, std::string_view directory) {
  std::vector<std::string_view> names = PathComponents(path);
  std::vector<std::string_view> wanted = PathComponents(directory);
  if (names.empty() || wanted.empty()) return false;
  names.pop_back();  // what lies below
  return !std::ranges::search(names, wanted).empty();
}

}  // namespace davit
