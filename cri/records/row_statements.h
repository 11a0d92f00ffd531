// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The SQL statements of row changes.
#pragma once

#include <array>

#include "base/error.h"
#include "cri/records/row_change.h"
#include "cri/records/sqlite.h"

namespace davit::cri {

// Not thread-safe. Must be destroyed before the connection.
class RowStatements {
 public:
  RowStatements() = default;
  static Result<RowStatements> Prepare(const sqlite::Connection& connection);

  // Outside a transaction, the change is its own transaction.
  Result<> Apply(const RowChange& change);
  Result<bool> Exists(const RowChange& change);

 private:
  struct OfTable {
    sqlite::Statement put;
    sqlite::Statement remove;
    sqlite::Statement find;
  };
  OfTable& Of(Table table) { return tables_.at(static_cast<size_t>(table)); }

  std::array<OfTable, 8> tables_;
};

}  // namespace davit::cri
