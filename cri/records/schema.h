// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The tables of the records and how they got there.
#pragma once

#include "base/error.h"
#include "cri/records/sqlite.h"

namespace davit {

// The version that this program reads and writes, kept in the database's user_version.
int SchemaVersion();

// Checks the whole database for damage, then applies the migrations that it lacks, each in a transaction of
// its own.
Result<> BringUpToDate(const sqlite::Connection& connection, const std::string& path);

}  // namespace davit
