// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/schema.h"

#include <array>

namespace davit::cri {
namespace {

// Entry N leads from version N to N + 1. Released entries are never edited.
//
// Rows keep their rowid when they are replaced, so an update touches one leaf page and no index.
constexpr std::array kMigrations = {
    R"(CREATE TABLE sandboxes (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);
       CREATE TABLE containers (
         id TEXT PRIMARY KEY NOT NULL,
         sandbox_id TEXT NOT NULL REFERENCES sandboxes (id) ON DELETE CASCADE,
         blob BLOB NOT NULL);
       CREATE INDEX containers_of_sandbox ON containers (sandbox_id);
       CREATE TABLE images (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);)",
    R"(CREATE TABLE settings (
         name TEXT PRIMARY KEY NOT NULL,
         value TEXT NOT NULL);)",
    R"(CREATE TABLE local_containers (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);)",
    R"(CREATE TABLE local_volumes (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);)",
};

}  // namespace

int SchemaVersion() {
  return static_cast<int>(kMigrations.size());
}

Result<> BringUpToDate(const sqlite::Connection& connection, const std::string& path) {
  std::string damage = TRY(connection.QueryText("PRAGMA quick_check(1)"));
  if (damage != "ok") {
    return Fail(Code::kDataLoss, "open records", path, damage + ": " + sqlite::RecoveryAdvice(path));
  }
  int64_t version = TRY(connection.QueryInteger("PRAGMA user_version"));
  if (version > SchemaVersion()) {
    return Fail(Code::kFailedPrecondition, "open records", path,
                "written by a newer davitd (schema " + std::to_string(version) + ", this one knows " +
                    std::to_string(SchemaVersion()) + ')');
  }
  for (; version < SchemaVersion(); ++version) {
    TRY(connection.Execute(std::string("BEGIN IMMEDIATE;") + kMigrations.at(static_cast<size_t>(version)) +
                           "PRAGMA user_version = " + std::to_string(version + 1) + "; COMMIT"));
  }
  return {};
}

}  // namespace davit::cri
