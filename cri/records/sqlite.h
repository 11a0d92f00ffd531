// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// SQLite's handles as RAII classes that return Results (https://sqlite.org/c3ref/intro.html). Nothing here is
// thread-safe.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/error.h"

namespace davit::cri::sqlite {

struct Text {
  std::string_view value;
};
struct Blob {
  std::string_view value;
};
using Value = std::variant<Text, Blob>;

// Advice for the operator of a damaged database.
std::string RecoveryAdvice(const std::string& path);

// One row of a query, valid inside the callback only.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  // A text or a blob. Columns are counted from 0.
  std::string String(int column) const;
  int64_t Integer(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  sqlite3_stmt* statement_;
};

// A prepared statement. Must be destroyed before its connection.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3_stmt* statement, std::string path) : statement_(statement), path_(std::move(path)) {}

  // Binds the values in order and runs the statement to its end; `on_row` is called for each row.
  Result<> Run(std::initializer_list<Value> values, const std::function<void(const Row&)>& on_row = nullptr);

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::string path_;
};

class Connection {
 public:
  Connection() = default;

  // Opens an existing database file, without SQLite's locking between threads. The file never shrinks
  // (sqlite_vfs.h).
  static Result<Connection> Open(const std::string& path);

  Result<Statement> Prepare(std::string_view sql) const;
  // Runs statements separated by semicolons. If one fails inside a transaction, the transaction is rolled
  // back.
  Result<> Execute(const std::string& sql) const;
  // Runs `body` in a transaction, which is rolled back if `body` fails.
  Result<> InTransaction(const std::function<Result<>()>& body) const;

  // The first column of the only row.
  Result<int64_t> QueryInteger(std::string_view sql) const;
  Result<std::string> QueryText(std::string_view sql) const;

  // Copies the log to the database; `mode` is SQLITE_CHECKPOINT_*. Returns the number of pages of the log
  // that have been copied in total.
  Result<int> Checkpoint(int mode) const;

  // Keeps the log file when the last connection is closed; by default SQLite deletes it.
  Result<> KeepLog() const;

  // `hook` is called after every commit with the size of the log in pages. It must not use the connection.
  void OnCommit(std::function<void(int wal_pages)> hook);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<std::function<void(int)>> hook_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

}  // namespace davit::cri::sqlite
