// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The user and groups that a container runs as.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "shim/plan.h"

namespace davit::cri {

// The USER of an image: "", "user", "user:group", each a name or a number; "user:" means "user", as in other
// runtimes. kInvalidArgument for ":", ":1", more than one colon, and numbers outside of 0 to 2^31-1, however
// many digits they have: they are never looked up as names (CVE-2024-40635).
Result<shim::UserSpec> ParseImageUser(const std::string& user);

// The same for a field of a request, whose errors name `field`.
Result<shim::UserSpec> ParseUser(const std::string& field, const std::string& user);

// The request's user, or else the image's, with the request's groups. If the request has a user, the image's
// USER is ignored, including its group. kInvalidArgument for two users, a group without a user, too many
// groups, ids out of range and an unknown groups policy.
Result<shim::UserSpec> ContainerUser(const ::runtime::v1::LinuxContainerSecurityContext& context,
                                     const std::string& image_user);

// Adds groups that are looked up in the container's /etc/group when the program starts. `primary`, unless it
// is empty, takes the place of the user's group. kInvalidArgument for what cannot be a name, and too many
// groups.
Result<> AddNamedGroups(const std::string& primary, const std::vector<std::string>& supplementary,
                        shim::UserSpec& user);

}  // namespace davit::cri
