// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cdi/names.h"

#include <algorithm>

#include "base/plain_name.h"
#include "cri/host/cdi/spec.h"

namespace davit::cri::cdi {
namespace {

// Whatever the locale.
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsName(std::string_view name, std::string_view inner) {
  return !name.empty() && IsAlphanumeric(name.front()) && IsAlphanumeric(name.back()) &&
         std::ranges::all_of(name, [inner](char c) { return IsAlphanumeric(c) || inner.contains(c); });
}

}  // namespace

bool IsKind(std::string_view kind) {
  size_t slash = kind.find('/');
  if (slash == std::string_view::npos) return false;
  auto is_part = [](std::string_view part) { return IsName(part, "_-.") && IsLetter(part.front()); };
  return is_part(kind.substr(0, slash)) && is_part(kind.substr(slash + 1));
}

bool IsDeviceName(std::string_view name) {
  return IsName(name, "_-.:");
}

Result<QualifiedName> ParseQualifiedName(const std::string& name) {
  size_t equals = name.find('=');
  if (equals == std::string::npos || !IsKind(name.substr(0, equals)) ||
      !IsDeviceName(name.substr(equals + 1)))
    return Fail(Code::kInvalidArgument, "read CDI device name", name,
                "is not of the form VENDOR/CLASS=DEVICE");
  return QualifiedName{name.substr(0, equals), name.substr(equals + 1)};
}

}  // namespace davit::cri::cdi
