// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Who a container runs as.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "shim/plan.h"

namespace davit {

// The USER of an image: "", "user", "user:group", each a name or a number; "user:" is "user", as with other
// runtimes. kInvalidArgument for ":", ":1", more than one colon, and numbers outside 0 and 2^31-1 however
// many digits they have: such are never looked up as names (CVE-2024-40635).
Result<UserSpec> ParseImageUser(const std::string& user);

// The request's user, or else the image's, with the request's groups. A user of the request takes nothing of
// the image's USER. kInvalidArgument for two users, a group without a user, ids out of range and an unknown
// groups policy.
Result<UserSpec> ContainerUser(const ::runtime::v1::LinuxContainerSecurityContext& context,
                               const std::string& image_user);

}  // namespace davit
