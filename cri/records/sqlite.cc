// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/sqlite.h"

#include <utility>

#include "cri/records/sqlite_vfs.h"

namespace davit::cri::sqlite {
namespace {

Code CodeOf(int result, int os_errno) {
  if (os_errno == ENOSPC || os_errno == EDQUOT) return Code::kResourceExhausted;
  if (result == SQLITE_CONSTRAINT_FOREIGNKEY) return Code::kFailedPrecondition;
  switch (result & 0xff) {
    case SQLITE_FULL:
      return Code::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kDataLoss;
    case SQLITE_BUSY:
      return Code::kUnavailable;
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Code::kPermissionDenied;
    default:
      return Code::kInternal;
  }
}

std::unexpected<Error> Failure(sqlite3* handle, std::string_view step, const std::string& path) {
  int result = sqlite3_extended_errcode(handle);
  // SQLite keeps the last errno for ever; it belongs to this failure only when that is one of input, output
  // or space.
  int kind = result & 0xff;
  bool of_system = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_FULL;
  int os_errno = of_system ? sqlite3_system_errno(handle) : 0;
  Code code = CodeOf(result, os_errno);
  std::string reason = sqlite3_errmsg(handle);
  if (code == Code::kDataLoss) reason += ": " + RecoveryAdvice(path);
  return std::unexpected(Error{code, os_errno, std::string(step), path, std::move(reason)});
}

// SQLITE_STATIC: the caller's bytes outlive the step.
int Bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (const Text* text = std::get_if<Text>(&value)) {
    return sqlite3_bind_text64(statement, index, text->value.data(), text->value.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  std::string_view bytes = std::get<Blob>(value).value;
  // A null pointer would bind NULL.
  return sqlite3_bind_blob64(statement, index, bytes.empty() ? "" : bytes.data(), bytes.size(),
                             SQLITE_STATIC);
}

}  // namespace

std::string RecoveryAdvice(const std::string& path) {
  return "the database is damaged and left as it is. Stop davitd and copy " + path +
         "*; then either rebuild it (sqlite3 " + path +
         " .recover | sqlite3 NEW) or move it away with its -wal and -shm, which forgets every pod, "
         "container and image; the files of local containers stay";
}

std::string Row::String(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string()
                         : std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

Result<> Statement::Run(std::initializer_list<Value> values, const std::function<void(const Row&)>& on_row) {
  sqlite3_stmt* statement = statement_.get();
  int result = SQLITE_OK;
  int index = 0;
  for (const Value& value : values) {
    if (result == SQLITE_OK) result = Bind(statement, ++index, value);
  }
  if (result == SQLITE_OK) result = sqlite3_step(statement);
  while (result == SQLITE_ROW) {
    if (on_row) on_row(Row(statement));
    result = sqlite3_step(statement);
  }
  Result<> outcome;
  if (result != SQLITE_DONE) outcome = Failure(sqlite3_db_handle(statement), "write or read records", path_);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return outcome;
}

Result<Connection> Connection::Open(const std::string& path) {
  Connection connection;
  connection.path_ = path;
  sqlite3* handle = nullptr;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
  int result = sqlite3_open_v2(path.c_str(), &handle, kFlags, NeverShrinkingVfs());
  connection.handle_.reset(handle);
  if (handle == nullptr) return Fail(Code::kResourceExhausted, "open records", path, "out of memory");
  if (result != SQLITE_OK) return Failure(handle, "open records", path);
  return connection;
}

Result<Statement> Connection::Prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  int result = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return Failure(handle_.get(), "prepare records", path_);
  return Statement(statement, path_);
}

Result<> Connection::Execute(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  Result<> failure = Failure(handle_.get(), "write records", path_);
  if (!sqlite3_get_autocommit(handle_.get()))
    sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  return failure;
}

Result<> Connection::InTransaction(const std::function<Result<>()>& body) const {
  TRY(Execute("BEGIN IMMEDIATE"));
  Result<> outcome = body();
  if (outcome) return Execute("COMMIT");
  // A full disk makes SQLite roll back by itself.
  if (!sqlite3_get_autocommit(handle_.get()))
    sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  return outcome;
}

Result<int64_t> Connection::QueryInteger(std::string_view sql) const {
  int64_t value = 0;
  Statement statement = TRY(Prepare(sql));
  TRY(statement.Run({}, [&value](const Row& row) { value = row.Integer(0); }));
  return value;
}

Result<std::string> Connection::QueryText(std::string_view sql) const {
  std::string value;
  Statement statement = TRY(Prepare(sql));
  TRY(statement.Run({}, [&value](const Row& row) { value = row.String(0); }));
  return value;
}

Result<int> Connection::Checkpoint(int mode) const {
  int copied = 0;
  int result = sqlite3_wal_checkpoint_v2(handle_.get(), "main", mode, /*pnLog=*/nullptr, &copied);
  if (result != SQLITE_OK) return Failure(handle_.get(), "checkpoint records", path_);
  return copied;
}

Result<> Connection::KeepLog() const {
  int keep = 1;
  int result = sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  if (result != SQLITE_OK) return Failure(handle_.get(), "keep log of records", path_);
  return {};
}

void Connection::OnCommit(std::function<void(int)> hook) {
  hook_ = std::make_unique<std::function<void(int)>>(std::move(hook));
  auto call = [](void* context, sqlite3*, const char*, int pages) {
    (*static_cast<std::function<void(int)>*>(context))(pages);
    return SQLITE_OK;
  };
  sqlite3_wal_hook(handle_.get(), call, hook_.get());
}

}  // namespace davit::cri::sqlite
