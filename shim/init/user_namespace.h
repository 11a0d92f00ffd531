// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// User namespaces (user_namespaces(7)).
//
// A process that joins one loses every right outside of it for good. So everything that needs the host's
// rights, above all mounts, is done before, and what must belong to the namespace is created after.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Creates a user namespace with these ids and without a process. Blocks on a short-lived child. `proc_fd`
// must be a procfs that shows the caller.
Result<UniqueFd> MakeUserNamespace(const IdMap& ids, int proc_fd);

// Moves the caller, which must have one thread, into the namespace. There it has all capabilities and creates
// files as root; its other ids remain those of the host's root, which are not mapped in the namespace.
Result<> EnterUserNamespace(int user_namespace);

// Sets all ids of the caller to root of its user namespace, and clears its supplementary groups.
Result<> BecomeRoot();

// The step of EnterUserNamespace after setns(2).
Result<> MakeFilesAsRoot();

// Files that the caller creates from now on belong to the root of `ids`; the caller keeps the host's rights.
Result<> MakeFilesAsRootOf(const IdMap& ids);

}  // namespace davit::shim
