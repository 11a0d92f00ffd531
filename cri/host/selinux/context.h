// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An SELinux security context, the label of a process or a file: "user:role:type:level".
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cri {

struct SeLinuxContext {
  std::string user;
  std::string role;
  std::string type;
  std::string level;  // "s0", "s0:c1,c2", "s0-s0:c0.c1023"; empty if the policy has no levels

  bool empty() const { return type.empty(); }
  std::string ToString() const;  // "" if the context is empty
  bool operator==(const SeLinuxContext&) const = default;
};

// kInvalidArgument if user, role or type is missing or malformed. Only SeLinux::Check knows whether the
// policy has them.
Result<SeLinuxContext> ParseSeLinuxContext(std::string_view text);

// Whether the text is valid as a user, role or type; none of these contains a colon.
bool IsSeLinuxName(std::string_view text);

// Whether the text is valid as a level, or as a range of two levels with a dash.
bool IsSeLinuxLevel(std::string_view text);

}  // namespace davit::cri
