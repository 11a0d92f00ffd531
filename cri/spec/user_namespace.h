// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// User namespaces of pods, and idmapped mounts.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "shim/plan.h"

namespace davit::cri {

// The id mappings that the options of a sandbox or container request; empty for mode NODE or no user
// namespace. `field` is the name of the options, for errors. There must be exactly one range of uids and one
// of gids, and both must map id 0. A user namespace excludes the host's PID and IPC namespaces, because
// procfs and mqueue of the host cannot be mounted in it. kInvalidArgument if one of these rules is broken.
Result<shim::IdMap> UserNamespaceOf(const std::string& field, const ::runtime::v1::NamespaceOption& options);

bool HasUserNamespace(const ::runtime::v1::PodSandboxConfig& config);

// Limits net.ipv4.ping_group_range to the mapped groups, because the kernel refuses groups without a mapping:
// the usual range of all groups becomes all mapped groups.
void LimitGroups(const shim::IdMap& ids, std::vector<shim::Sysctl>& sysctls);

// The id mappings of a mount; empty if it has none. kInvalidArgument unless there is exactly one range of
// uids and one of gids.
Result<shim::IdMap> MountIds(const ::runtime::v1::Mount& mount);

}  // namespace davit::cri
