// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Who a container's process runs as.
#pragma once

#include "base/error.h"
#include "shim/plan.h"
#include "shim/sync.h"

namespace davit {

// Looks the user up in the accounts inside `root_fd`. A name that is missing there, or made of digits only,
// is an error: it never becomes an id, nor root. A number needs no entry, and no file that could have one.
Result<Identity> ResolveIdentity(int root_fd, const UserSpec& user);

// The same from the files' contents.
Result<Identity> ResolveIdentity(const UserSpec& user, std::string_view passwd, std::string_view group);

}  // namespace davit
