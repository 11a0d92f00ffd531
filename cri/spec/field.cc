// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/field.h"

#include <vector>

namespace davit::cri {
namespace {

constexpr size_t kMaxShown = 200;
constexpr int64_t kMaxId = 0x7fffffff;

std::string Printable(std::string_view value) {
  std::string shown(value.substr(0, kMaxShown));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (value.size() > kMaxShown) shown += "...";
  return "\"" + shown + "\"";
}

}  // namespace

std::unexpected<Error> BadField(std::string_view field, std::string_view value, std::string_view reason) {
  return Fail(Code::kInvalidArgument, "validate", field, Printable(value) + " " + std::string(reason));
}

Result<> CheckNoNul(std::string_view field, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return BadField(field, value, "contains a NUL byte");
  return {};
}

Result<std::string> CleanAbsolutePath(std::string_view field, std::string_view path) {
  if (!path.starts_with('/')) return BadField(field, path, "is not an absolute path");
  TRY(CheckNoNul(field, path));
  std::vector<std::string_view> components;
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view component = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (component == "..") {
      if (!components.empty()) components.pop_back();
    } else if (!component.empty() && component != ".") {
      components.push_back(component);
    }
  }
  std::string clean;
  for (std::string_view component : components) clean.append("/").append(component);
  return clean.empty() ? "/" : clean;
}

Result<uint32_t> CheckId(std::string_view field, int64_t id) {
  if (id < 0 || id > kMaxId) return BadField(field, std::to_string(id), "is not within 0 and 2147483647");
  return static_cast<uint32_t>(id);
}

}  // namespace davit::cri
