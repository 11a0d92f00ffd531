// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/layer_path.h"

#include <algorithm>

namespace davit::images {
namespace {

constexpr size_t kMaxComponent = 255;  // NAME_MAX

std::unexpected<Error> Refuse(std::string_view name, std::string_view why,
                              Code code = Code::kInvalidArgument) {
  constexpr size_t kShown = 256;
  return Fail(code, "unpack", name.substr(0, kShown), why);
}

}  // namespace

Result<std::string> CleanLayerPath(std::string_view name, const UnpackLimits& limits) {
  if (name.find('\0') != std::string_view::npos) return Refuse("entry", "a NUL in its name");
  std::string path;
  size_t depth = 0;
  for (size_t pos = 0; pos < name.size();) {
    size_t end = std::min(name.find('/', pos), name.size());
    std::string_view component = name.substr(pos, end - pos);
    pos = end + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") return Refuse(name, "\"..\" in a path");
    if (component.size() > kMaxComponent) return Refuse(name, "a name longer than 255 bytes");
    if (++depth > limits.path_depth) return Refuse(name, "too deep", Code::kResourceExhausted);
    if (!path.empty()) path += '/';
    path += component;
  }
  if (path.size() > limits.path_bytes) return Refuse(name, "a path longer than 4095 bytes");
  // Only a last component can be a whiteout.
  if (("/" + std::string(DirName(path))).find("/.wh.") != std::string::npos && !IsAufsMetadata(path)) {
    return Refuse(name, "a directory named like a whiteout");
  }
  return path;
}

bool IsAufsMetadata(std::string_view path) {
  for (size_t pos = 0; pos < path.size();) {
    size_t end = std::min(path.find('/', pos), path.size());
    std::string_view component = path.substr(pos, end - pos);
    if (component.starts_with(kAufsPrefix) && component != kOpaqueMarker) return true;
    pos = end + 1;
  }
  return false;
}

std::string_view BaseName(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view DirName(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string JoinPath(std::string_view dir, std::string_view name) {
  std::string path(dir);
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

bool IsAtOrBelow(std::string_view path, std::string_view dir) {
  return dir.empty() || path == dir ||
         (path.starts_with(dir) && path.size() > dir.size() && path[dir.size()] == '/');
}

}  // namespace davit::images
