// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A security context, SELinux's label of a process or a file: "user:role:type:level".
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

struct SeLinuxContext {
  std::string user;
  std::string role;
  std::string type;
  std::string level;  // "s0", "s0:c1,c2", "s0-s0:c0.c1023"; empty where the policy has none

  bool empty() const { return type.empty(); }
  std::string ToString() const;  // empty for an empty one
  bool operator==(const SeLinuxContext&) const = default;
};

// kInvalidArgument without user, role and type. Whether there are such is the kernel's to say.
Result<SeLinuxContext> ParseSeLinuxContext(std::string_view text);

// Whether this can be a user, a role or a type, none of which has a colon.
bool IsSeLinuxName(std::string_view text);

// Whether this can be a level, or two with a dash between them.
bool IsSeLinuxLevel(std::string_view text);

}  // namespace davit
