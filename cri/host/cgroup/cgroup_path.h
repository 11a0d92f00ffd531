// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The one parser of cgroup paths. A path is checked where it enters the daemon, in its configuration or in a
// request; what removes cgroups takes any text (CgroupHost::Remove).
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace davit {

// A path seen from the root of every hierarchy, and the same in all of them: "/kubepods/podX/ID". It begins
// with a slash, has no empty component, "." or "..", and is not the root.
class CgroupPath {
 public:
  // Leaves out empty components and ".", and takes a relative path from the root: "a//b/" is "/a/b".
  // kInvalidArgument for the root, "..", a component or a path that is too long, a NUL or a newline.
  static Result<CgroupPath> Parse(std::string_view text);

  const std::string& text() const { return text_; }
  // Without the first slash: as openat(2) takes it beside the root of a hierarchy.
  std::string relative() const { return text_.substr(1); }

  bool operator==(const CgroupPath&) const = default;

 private:
  explicit CgroupPath(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

// The parent that a request names for its containers, with room left below it for their own names and the
// files in them. Beyond what Parse refuses, a slice of systemd is kInvalidArgument: the cgroupfs driver, the
// only one for now, would put containers where systemd does not expect them.
Result<CgroupPath> ParseCgroupParent(std::string_view text);

}  // namespace davit
