// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// User namespaces (user_namespaces(7)).
//
// Who joins one loses every right outside of it, for good: so everything that takes the host's rights, all
// mounts above all, is done before, and what is to belong to the namespace is made after.
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// A user namespace with these ids and without a process. Waits for a short child of its own. `proc_fd` is a
// procfs that shows the caller.
Result<UniqueFd> MakeUserNamespace(const IdMap& ids, int proc_fd);

// Moves the caller, which has one thread, into the namespace. Inside it has all capabilities and makes files
// as root; its other ids stay those of the host's root, which the namespace does not know.
Result<> EnterUserNamespace(int user_namespace);

// Makes the caller root of its user namespace in every respect, with no other group.
Result<> BecomeRoot();

// The part of EnterUserNamespace that follows setns(2).
Result<> MakeFilesAsRoot();

// Files that the caller makes from now on belong to the root of `ids`, while it keeps the host's rights.
Result<> MakeFilesAsRootOf(const IdMap& ids);

}  // namespace davit
