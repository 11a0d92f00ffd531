// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bind-mount sources. They may lie on anything (NFS, FUSE) and hang: only a child that can be killed touches
// them.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"
#include "shim/progress.h"

namespace davit {

// Opens the source of every kBind step as a detached mount; the caller is in the mount namespace that the
// paths mean. The list is as long as the plan's mounts, with nothing at the other steps. A missing source
// directory is made unless the daemon was to provide it. `user_namespace` is the one with the plan's ids.
// Errors name the source: propagation to or from the host needs one whose mount has a peer group, an idmapped
// mount one whose filesystem allows that. `progress` names the source at hand, for one that hangs.
Result<std::vector<UniqueFd>> OpenSources(const ContainerPlan& plan, int user_namespace, int proc_fd,
                                          Progress& progress);

// How a mount propagates, from a /proc/PID/mountinfo (proc(5)); nothing when the mount is not listed.
struct PeerGroups {
  bool shared = false;
  bool slave = false;
};
std::optional<PeerGroups> FindPeerGroups(std::string_view mountinfo, uint64_t mount_id);

}  // namespace davit
