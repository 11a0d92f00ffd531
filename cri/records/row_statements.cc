// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/row_statements.h"

namespace davit::cri {
namespace {

using sqlite::Blob;
using sqlite::Text;

struct Sql {
  const char* put;
  const char* remove;
  const char* find;
};

// By Table. Rows keep their rowid when they are replaced (schema.cc).
constexpr std::array<Sql, 8> kSql = {{
    {"INSERT INTO sandboxes (id, blob, owner) VALUES (?1, ?2, ?3) "
     "ON CONFLICT (id) DO UPDATE SET blob = excluded.blob",
     "DELETE FROM sandboxes WHERE id = ?1", "SELECT 1 FROM sandboxes WHERE id = ?1"},
    {"INSERT INTO containers (id, blob, sandbox_id) VALUES (?1, ?2, ?3) "
     "ON CONFLICT (id) DO UPDATE SET sandbox_id = excluded.sandbox_id, blob = excluded.blob",
     "DELETE FROM containers WHERE id = ?1", "SELECT 1 FROM containers WHERE id = ?1"},
    {"INSERT INTO images (id, blob) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET blob = excluded.blob",
     "DELETE FROM images WHERE id = ?1", "SELECT 1 FROM images WHERE id = ?1"},
    {"INSERT INTO settings (name, value) VALUES (?1, CAST(?2 AS TEXT)) "
     "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
     "DELETE FROM settings WHERE name = ?1", "SELECT 1 FROM settings WHERE name = ?1"},
    {"INSERT INTO local_specs (id, blob) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET blob = excluded.blob",
     "DELETE FROM local_specs WHERE id = ?1", "SELECT 1 FROM local_specs WHERE id = ?1"},
    {"INSERT INTO local_containers (id, blob) VALUES (?1, ?2) "
     "ON CONFLICT (id) DO UPDATE SET blob = excluded.blob",
     "DELETE FROM local_containers WHERE id = ?1", "SELECT 1 FROM local_containers WHERE id = ?1"},
    {"INSERT INTO local_volumes (id, blob) VALUES (?1, ?2) "
     "ON CONFLICT (id) DO UPDATE SET blob = excluded.blob",
     "DELETE FROM local_volumes WHERE id = ?1", "SELECT 1 FROM local_volumes WHERE id = ?1"},
    {"INSERT INTO local_networks (id, blob) VALUES (?1, ?2) "
     "ON CONFLICT (id) DO UPDATE SET blob = excluded.blob",
     "DELETE FROM local_networks WHERE id = ?1", "SELECT 1 FROM local_networks WHERE id = ?1"},
}};

}  // namespace

Result<RowStatements> RowStatements::Prepare(const sqlite::Connection& connection) {
  RowStatements statements;
  for (size_t table = 0; table < kSql.size(); ++table) {
    statements.tables_.at(table).put = TRY(connection.Prepare(kSql.at(table).put));
    statements.tables_.at(table).remove = TRY(connection.Prepare(kSql.at(table).remove));
    statements.tables_.at(table).find = TRY(connection.Prepare(kSql.at(table).find));
  }
  return statements;
}

Result<> RowStatements::Apply(const RowChange& change) {
  OfTable& table = Of(change.table);
  if (!change.blob) return table.remove.Run({Text{change.id}});
  if (change.table == Table::kSandboxes)
    return table.put.Run({Text{change.id}, Blob{*change.blob}, Text{change.owner}});
  if (change.table == Table::kContainers)
    return table.put.Run({Text{change.id}, Blob{*change.blob}, Text{change.sandbox_id}});
  return table.put.Run({Text{change.id}, Blob{*change.blob}});
}

Result<bool> RowStatements::Exists(const RowChange& change) {
  bool exists = false;
  TRY(Of(change.table).find.Run({Text{change.id}}, [&exists](const sqlite::Row&) { exists = true; }));
  return exists;
}

}  // namespace davit::cri
