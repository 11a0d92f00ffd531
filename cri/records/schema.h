// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The tables of the database and their migrations.
#pragma once

#include "base/error.h"
#include "cri/records/sqlite.h"

namespace davit::cri {

// The oldest schema that a reader of this program's databases has to know, stored in user_version.
int SchemaVersion();

// Checks the whole database for damage, then applies the missing migrations and additions, each in its own
// transaction.
// Errors as for Records::Open.
Result<> BringUpToDate(const sqlite::Connection& connection, const std::string& path);

}  // namespace davit::cri
