// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Bind-mount sources. They may be on a filesystem that hangs (NFS, FUSE), so only a child that can be killed
// touches them.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"
#include "shim/progress.h"

namespace davit::shim {

// Opens the source of every kBind step as a detached mount; the caller must be in the mount namespace that
// the paths refer to. The result has one entry per mount of the plan, empty for other steps. A missing source
// is created as a directory, or is an error if the step says so (source_must_exist). `user_namespace` is the
// one with the plan's ids. Errors name the source: propagation to or from the host requires a source on a
// mount with a peer group, an idmapped mount requires a filesystem that supports it. `progress` names the
// source that is being opened, in case it hangs.
Result<std::vector<UniqueFd>> OpenSources(const ContainerPlan& plan, int user_namespace, int proc_fd,
                                          Progress& progress);

}  // namespace davit::shim
