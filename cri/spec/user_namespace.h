// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// User namespaces of pods, and idmapped mounts.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "shim/plan.h"

namespace davit {

// The ids that a sandbox's or container's options ask for; empty for mode NODE and for none. `field` holds
// the options. A pod has one range of each kind, and that maps id 0; with a user namespace it has PID and IPC
// namespaces of its own: procfs and mqueue of the host's cannot be mounted in it. kInvalidArgument otherwise.
Result<IdMap> UserNamespaceOf(const std::string& field, const ::runtime::v1::NamespaceOption& options);

bool HasUserNamespace(const ::runtime::v1::PodSandboxConfig& config);

// net.ipv4.ping_group_range names groups, and the kernel refuses those that are not mapped: the usual "all of
// them" becomes all that there are.
void LimitGroups(const IdMap& ids, std::vector<Sysctl>& sysctls);

// A mount's ids; empty when it has none. kInvalidArgument unless both kinds have one range.
Result<IdMap> MountIds(const ::runtime::v1::Mount& mount);

}  // namespace davit
