// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/records.h"

#include <unistd.h>

#include "base/file_io.h"
#include "cri/records/schema.h"

namespace davit {
namespace {

using sqlite::Blob;
using sqlite::Row;
using sqlite::Text;

// SQLite gives the log and its index the mode of the database, so the file is made before SQLite sees it.
Result<> MakeFile(const std::string& path) {
  TRY(OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  return {};
}

}  // namespace

Result<std::unique_ptr<Records>> Records::Open(const std::string& path) {
  TRY(MakeFile(path));
  std::unique_ptr<Records> records(new Records(path));
  TRY(records->Start());
  return records;
}

Result<> Records::Start() {
  {
    MutexLock lock(mutex_);
    connection_ = TRY(sqlite::Connection::Open(path_));
    TRY(connection_.Execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON"));
    std::string mode = TRY(connection_.QueryText("PRAGMA journal_mode = WAL"));
    if (mode != "wal")
      return Fail(Code::kUnimplemented, "open records", path_, "the filesystem allows no WAL");
    TRY(connection_.Execute("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0"));
    TRY(BringUpToDate(connection_, path_));
    TRY(Prepare());
  }
  checkpointer_ = TRY(Checkpointer::Start(path_, mutex_, Checkpointer::Limits{}));
  // Opening and closing this file is safe: POSIX drops a process's locks with any descriptor of a file, but
  // SQLite locks the database and the index only. The log keeps its inode as long as a connection is open.
  wal_ = TRY(OpenAt(AT_FDCWD, path_ + "-wal", O_RDONLY));
  MutexLock lock(mutex_);
  connection_.OnCommit([this](int pages) { checkpointer_->Committed(pages); });
  return {};
}

Result<> Records::Prepare() {
  auto prepare = [this](sqlite::Statement& statement, std::string_view sql) REQUIRES(mutex_) -> Result<> {
    statement = TRY(connection_.Prepare(sql));
    return {};
  };
  TRY(prepare(statements_.put_sandbox,
              "INSERT INTO sandboxes (id, blob) VALUES (?1, ?2) "
              "ON CONFLICT (id) DO UPDATE SET blob = excluded.blob"));
  TRY(prepare(statements_.delete_sandbox, "DELETE FROM sandboxes WHERE id = ?1"));
  TRY(prepare(statements_.put_container,
              "INSERT INTO containers (id, sandbox_id, blob) VALUES (?1, ?2, ?3) "
              "ON CONFLICT (id) DO UPDATE SET sandbox_id = excluded.sandbox_id, blob = excluded.blob"));
  TRY(prepare(statements_.delete_container, "DELETE FROM containers WHERE id = ?1"));
  TRY(prepare(statements_.put_image,
              "INSERT INTO images (id, blob) VALUES (?1, ?2) "
              "ON CONFLICT (id) DO UPDATE SET blob = excluded.blob"));
  TRY(prepare(statements_.delete_image, "DELETE FROM images WHERE id = ?1"));
  TRY(prepare(statements_.put_setting,
              "INSERT INTO settings (name, value) VALUES (?1, ?2) "
              "ON CONFLICT (name) DO UPDATE SET value = excluded.value"));
  return {};
}

Result<> Records::PutSandbox(const SandboxRow& row) {
  MutexLock lock(mutex_);
  return statements_.put_sandbox.Run({Text{row.id}, Blob{row.blob}});
}

Result<> Records::DeleteSandbox(const std::string& id) {
  MutexLock lock(mutex_);
  return statements_.delete_sandbox.Run({Text{id}});
}

Result<std::vector<SandboxRow>> Records::Sandboxes() const {
  MutexLock lock(mutex_);
  std::vector<SandboxRow> rows;
  sqlite::Statement statement = TRY(connection_.Prepare("SELECT id, blob FROM sandboxes"));
  TRY(statement.Run({}, [&rows](const Row& row) { rows.push_back({row.String(0), row.String(1)}); }));
  return rows;
}

Result<> Records::PutContainer(const ContainerRow& row) {
  MutexLock lock(mutex_);
  return statements_.put_container.Run({Text{row.id}, Text{row.sandbox_id}, Blob{row.blob}});
}

Result<> Records::DeleteContainer(const std::string& id) {
  MutexLock lock(mutex_);
  return statements_.delete_container.Run({Text{id}});
}

Result<std::vector<ContainerRow>> Records::Containers() const {
  MutexLock lock(mutex_);
  std::vector<ContainerRow> rows;
  sqlite::Statement statement = TRY(connection_.Prepare("SELECT id, sandbox_id, blob FROM containers"));
  TRY(statement.Run(
      {}, [&rows](const Row& row) { rows.push_back({row.String(0), row.String(1), row.String(2)}); }));
  return rows;
}

Result<> Records::PutImageDurably(const ImageRow& row) {
  {
    MutexLock lock(mutex_);
    TRY(statements_.put_image.Run({Text{row.id}, Blob{row.blob}}));
  }
  return MakeDurable();
}

Result<> Records::DeleteImageDurably(const std::string& id) {
  {
    MutexLock lock(mutex_);
    TRY(statements_.delete_image.Run({Text{id}}));
  }
  return MakeDurable();
}

Result<std::vector<ImageRow>> Records::Images() const {
  MutexLock lock(mutex_);
  std::vector<ImageRow> rows;
  sqlite::Statement statement = TRY(connection_.Prepare("SELECT id, blob FROM images"));
  TRY(statement.Run({}, [&rows](const Row& row) { rows.push_back({row.String(0), row.String(1)}); }));
  return rows;
}

Result<> Records::PutSetting(const std::string& name, const std::string& value) {
  MutexLock lock(mutex_);
  return statements_.put_setting.Run({Text{name}, Text{value}});
}

Result<std::string> Records::Setting(const std::string& name) const {
  MutexLock lock(mutex_);
  std::string value;
  sqlite::Statement statement = TRY(connection_.Prepare("SELECT value FROM settings WHERE name = ?1"));
  TRY(statement.Run({Text{name}}, [&value](const Row& row) { value = row.String(0); }));
  return value;
}

// A transaction committed before this call is either in the log, which is synced here, or the checkpointer
// has taken it to the database, which it syncs before it empties the log. PRAGMA synchronous=FULL would do
// the same, but with the lock held, and every pod would wait for the disk with the image.
Result<> Records::MakeDurable() const {
  if (fdatasync(wal_.get()) != 0) return SystemError("fdatasync", path_ + "-wal");
  return {};
}

}  // namespace davit
