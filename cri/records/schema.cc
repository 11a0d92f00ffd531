// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/schema.h"

#include <array>

namespace davit::cri {
namespace {

// What a release that does not know it would misread or lose. Entry N leads from version N to N + 1: the
// database's user_version is the oldest schema that a reader has to know. Released entries are never edited.
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
};

// What a release that does not know it leaves alone: new tables, and new columns with defaults. It still
// opens the database. Their number is a setting. Released entries are never edited.
//
// `owner`: whose sandbox it is, for one whose blob cannot be read (SandboxRow).
constexpr std::array kAdditions = {
    R"(ALTER TABLE sandboxes ADD COLUMN owner TEXT NOT NULL DEFAULT '';
       CREATE TABLE local_specs (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);
       CREATE TABLE local_containers (
         id TEXT PRIMARY KEY NOT NULL REFERENCES local_specs (id) ON DELETE CASCADE,
         blob BLOB NOT NULL);)",
    R"(CREATE TABLE local_volumes (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);)",
    R"(CREATE TABLE local_networks (
         id TEXT PRIMARY KEY NOT NULL,
         blob BLOB NOT NULL);)",
};

constexpr char kNumberOfAdditions[] =
    "SELECT ifnull((SELECT CAST(value AS INTEGER) FROM settings WHERE name = 'schema_additions'), 0)";

Result<> Add(const sqlite::Connection& connection) {
  int64_t done = TRY(connection.QueryInteger(kNumberOfAdditions));
  for (; done < static_cast<int64_t>(kAdditions.size()); ++done) {
    TRY(connection.Execute(std::string("BEGIN IMMEDIATE;") + kAdditions.at(static_cast<size_t>(done)) +
                           "INSERT OR REPLACE INTO settings VALUES ('schema_additions', '" +
                           std::to_string(done + 1) + "'); COMMIT"));
  }
  return {};
}

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
  return Add(connection);
}

}  // namespace davit::cri
