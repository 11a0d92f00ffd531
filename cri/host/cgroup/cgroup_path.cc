// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/cgroup_path.h"

#include <limits.h>

#include <algorithm>

namespace davit::cri {
namespace {

// A parent, the names of two cgroups below it and the name of a file fit into PATH_MAX.
constexpr size_t kMaxParentBytes = 1024;
constexpr size_t kMaxBytes = 2048;

std::unexpected<Error> Bad(std::string_view text, std::string_view why) {
  return Fail(Code::kInvalidArgument, "cgroup path", text.substr(0, kMaxParentBytes), why);
}

}  // namespace

Result<CgroupPath> CgroupPath::Parse(std::string_view text) {
  if (text.find_first_of(std::string_view("\0\n", 2)) != std::string_view::npos)
    return Bad(text, "has a NUL or a newline");
  std::string path;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('/', start), text.size());
    std::string_view component = text.substr(start, end - start);
    start = end + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..") return Bad(text, "leaves the cgroup hierarchy by \"..\"");
    if (component.size() > NAME_MAX) return Bad(text, "has a component that is too long");
    path.append("/").append(component);
  }
  if (path.empty()) return Bad(text, "is the root of the hierarchy");
  if (path.size() > kMaxBytes) return Bad(text, "is too long");
  return CgroupPath(std::move(path));
}

Result<CgroupPath> ParseCgroupParent(std::string_view text) {
  CgroupPath path = TRY(CgroupPath::Parse(text));
  if (path.text().size() > kMaxParentBytes) return Bad(text, "is too long");
  return path;
}

}  // namespace davit::cri
