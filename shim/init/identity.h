// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Resolves the user that a container's process runs as.
#pragma once

#include "base/error.h"
#include "shim/plan.h"
#include "shim/sync.h"

namespace davit::shim {

// Looks up the user in the account files inside `root_fd`. A name that is missing there, or that has digits
// only, is an error: it is never taken as an id, nor as root. A numeric id needs no entry, and no account
// files.
Result<Identity> ResolveIdentity(int root_fd, const UserSpec& user);

// The same from the files' contents.
Result<Identity> ResolveIdentity(const UserSpec& user, std::string_view passwd, std::string_view group);

}  // namespace davit::shim
