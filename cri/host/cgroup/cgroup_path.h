// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The only parser of cgroup paths. A path is validated where it enters the daemon, from the configuration or
// a request; functions that remove cgroups accept any text (CgroupHost::Remove).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace davit::cri {

// A path relative to the root of every hierarchy, the same in all: "/kubepods/podX/ID". It begins with a
// slash, has no empty component, "." or "..", and is not the root.
class CgroupPath {
 public:
  // Normalises the text: empty components and "." are omitted, and a relative path starts at the root
  // ("a//b/" is "/a/b"). kInvalidArgument for the root, "..", a component or path that is too long, a NUL or
  // a newline.
  static Result<CgroupPath> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  // Without the first slash, for openat(2) with the root of a hierarchy.
  std::string relative() const { return text_.substr(1); }

  bool operator==(const CgroupPath&) const = default;

 private:
  explicit CgroupPath(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// Parses the cgroup parent that a request names. The path must be short enough to add the names of containers
// and of files in their cgroups. Whether the driver takes it is CgroupPlacement's to say (placement.h).
Result<CgroupPath> ParseCgroupParent(std::string_view text);

}  // namespace davit::cri
