// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The tables of the database and their migrations.
#pragma once

#include "base/error.h"
#include "cri/records/sqlite.h"

namespace davit::cri {

// The schema version that this program uses, stored in the database's user_version.
int SchemaVersion();

// Checks the whole database for damage, then applies the missing migrations, each in its own transaction.
// Errors as for Records::Open.
Result<> BringUpToDate(const sqlite::Connection& connection, const std::string& path);

}  // namespace davit::cri
