// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/unit_name.h"

#include <limits.h>

#include <algorithm>

namespace davit::cri {
namespace {

constexpr std::string_view kSliceSuffix = ".slice";
constexpr std::string_view kScopeSuffix = ".scope";
// What unit names consist of (systemd.unit(5)). An "@" would make it an instance of a template.
constexpr std::string_view kUnitCharacters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-_.\\";

std::unexpected<Error> NoSlice(std::string_view name, std::string_view why) {
  constexpr size_t kShown = 300;
  return Fail(Code::kInvalidArgument, "parse slice", name.substr(0, kShown), why);
}

}  // namespace

Result<std::string> ExpandSlice(std::string_view name) {
  if (!name.ends_with(kSliceSuffix)) return NoSlice(name, "does not end with \".slice\"");
  if (name.size() > NAME_MAX) return NoSlice(name, "is longer than 255 bytes");
  std::string_view stem = name.substr(0, name.size() - kSliceSuffix.size());
  if (stem == "-") return "/";
  if (stem.find_first_not_of(kUnitCharacters) != std::string_view::npos)
    return NoSlice(name, "has a character that names of units cannot have");
  std::string path;
  for (size_t start = 0; start <= stem.size();) {
    size_t end = std::min(stem.find('-', start), stem.size());
    if (end == start) return NoSlice(name, "has an empty part between \"-\"");
    path.append("/").append(stem.substr(0, end)).append(kSliceSuffix);
    start = end + 1;
  }
  return path;
}

std::string UnitOfPath(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string SliceOfPath(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos || slash == 0 ? "-.slice" : UnitOfPath(path.substr(0, slash));
}

bool IsScope(std::string_view path) {
  return path.ends_with(kScopeSuffix);
}

bool IsSlice(std::string_view path) {
  return path.ends_with(kSliceSuffix);
}

}  // namespace davit::cri
