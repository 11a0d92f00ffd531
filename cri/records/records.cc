// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/records/records.h"

#include <unistd.h>

#include <algorithm>

#include "base/file_io.h"
#include "cri/records/schema.h"

namespace davit::cri {
namespace {

using sqlite::Row;
using sqlite::Text;

// What a row adds to the database besides its own bytes, at most: pages that are split to take it in.
constexpr uint64_t kPagesAround = 32 << 10;

// SQLite gives the log and its index the mode of the database, so the file is made before SQLite sees it.
Result<> MakeFile(const std::string& path) {
  TRY(OpenAt(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  return {};
}

Result<uint64_t> BytesIn(const sqlite::Connection& connection) {
  int64_t pages = TRY(connection.QueryInteger("PRAGMA page_count"));
  return static_cast<uint64_t>(pages * TRY(connection.QueryInteger("PRAGMA page_size")));
}

}  // namespace

Result<std::unique_ptr<Records>> Records::Open(const std::string& path) {
  TRY(MakeFile(path));
  std::unique_ptr<Records> records(new Records(path));
  TRY(records->Start());
  return records;
}

Records::~Records() = default;

Result<> Records::Start() {
  Checkpointer::Limits limits;
  {
    MutexLock lock(mutex_);
    connection_ = TRY(sqlite::Connection::Open(path_));
    TRY(Configure());
    TRY(BringUpToDate(connection_, path_));
    statements_ = TRY(RowStatements::Prepare(connection_));
    // Of additions that a crash has cut short. On a full disk they stay until the next start.
    (void)connection_.Execute("DELETE FROM local_specs WHERE id NOT IN (SELECT id FROM local_containers)");
    room_ = TRY(Room::Open(path_));
    log_fd_ = room_->log_fd();
    largest_ = static_cast<uint64_t>(
        TRY(connection_.QueryInteger("SELECT max((SELECT ifnull(max(length(blob)), 0) FROM sandboxes), "
                                     "(SELECT ifnull(max(length(blob)), 0) FROM containers), "
                                     "(SELECT ifnull(max(length(blob)), 0) FROM local_specs), "
                                     "(SELECT ifnull(max(length(blob)), 0) FROM local_containers), "
                                     "(SELECT ifnull(max(length(blob)), 0) FROM local_volumes))")));
    used_ = TRY(BytesIn(connection_));
    // On a disk that was full before the room was made, rows can be deleted as far as SQLite finds room.
    (void)room_->Keep(used_, largest_);
    limits.kept_bytes = room_->log_bytes();
  }
  checkpointer_ = TRY(Checkpointer::Start(path_, mutex_, limits));
  {
    MutexLock lock(mutex_);
    connection_.OnCommit([this](int pages) { checkpointer_->Committed(pages); });
  }
  writer_ = TRY(RecordWriter::Start(*this));
  return {};
}

// secure_delete: zeroing what is deleted would need room in the log for all of it. temp_store: a statement
// that deletes many rows must not need a file in /var/tmp.
Result<> Records::Configure() {
  TRY(connection_.Execute(
      "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST; "
      "PRAGMA temp_store = MEMORY"));
  std::string mode = TRY(connection_.QueryText("PRAGMA journal_mode = WAL"));
  if (mode != "wal") return Fail(Code::kUnimplemented, "open records", path_, "the filesystem allows no WAL");
  TRY(connection_.KeepLog());
  return connection_.Execute("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
}

Result<> Records::PutSandbox(const SandboxRow& row) {
  return QueueSandbox(row, nullptr).Wait();
}

Result<> Records::DeleteSandbox(const std::string& id) {
  return Put({Table::kSandboxes, id, "", std::nullopt});
}

Result<> Records::PutContainer(const ContainerRow& row) {
  return QueueContainer(row, nullptr).Wait();
}

Result<> Records::DeleteContainer(const std::string& id) {
  return Put({Table::kContainers, id, "", std::nullopt});
}

PendingWrite Records::QueueSandbox(SandboxRow row, OnWritten on_written) {
  return writer_->Queue({Table::kSandboxes, std::move(row.id), "", std::move(row.blob), std::move(row.owner)},
                        std::move(on_written));
}

PendingWrite Records::QueueContainer(ContainerRow row, OnWritten on_written) {
  return writer_->Queue(
      {Table::kContainers, std::move(row.id), std::move(row.sandbox_id), std::move(row.blob)},
      std::move(on_written));
}

// In this order: a spec without a record is none of a container that anybody knows of.
Result<> Records::AddLocal(LocalRow row) {
  TRY(Put({Table::kLocalSpecs, row.id, "", std::move(row.spec)}));
  Result<> put = Put({Table::kLocalContainers, row.id, "", std::move(row.blob)});
  if (!put) (void)DeleteLocal(row.id);
  return put;
}

PendingWrite Records::QueueLocal(LocalRow row, RecordWriter::OnWritten on_written) {
  return writer_->Queue({Table::kLocalContainers, std::move(row.id), "", std::move(row.blob)},
                        std::move(on_written));
}

Result<> Records::DeleteLocal(const std::string& id) {
  return Put({Table::kLocalSpecs, id, "", std::nullopt});
}

Result<> Records::PutVolumeDurably(const VolumeRow& row) {
  TRY(Put({Table::kLocalVolumes, row.name, "", row.blob}));
  return MakeDurable();
}

Result<> Records::DeleteVolume(const std::string& name) {
  return Put({Table::kLocalVolumes, name, "", std::nullopt});
}

Result<> Records::PutNetwork(LocalRow row) {
  return Put({Table::kLocalNetworks, row.id, "", std::move(row.blob)});
}

Result<> Records::DeleteNetwork(const std::string& id) {
  return Put({Table::kLocalNetworks, id, "", std::nullopt});
}

Result<> Records::PutImageDurably(const ImageRow& row) {
  TRY(Put({Table::kImages, row.id, "", row.blob}));
  return MakeDurable();
}

Result<> Records::DeleteImageDurably(const std::string& id) {
  TRY(Put({Table::kImages, id, "", std::nullopt}));
  return MakeDurable();
}

Result<> Records::PutSetting(const std::string& name, const std::string& value) {
  return Put({Table::kSettings, name, "", value});
}

Result<> Records::Write(std::span<const RowChange> changes) {
  for (const RowChange& change : changes) TRY(Admit(change));
  Result<> committed = Commit(changes);
  if (committed || committed.error().code != Code::kResourceExhausted) return committed;
  // The disk is full and so is the log. Emptied, it has its own room again.
  TRY(checkpointer_->EmptyNow());
  return Commit(changes);
}

// Makes sure that there is room for the row before it is added. A row that exists may use the reserve: pods
// must come down.
Result<> Records::Admit(const RowChange& change) {
  if (!change.blob) return {};
  uint64_t added = change.blob->size() + kPagesAround;
  MutexLock lock(mutex_);
  uint64_t largest = std::max(largest_, change.table == Table::kImages ? 0 : change.blob->size());
  if (!room_->Covers(used_ + added, largest)) {
    used_ = TRY(BytesIn(connection_));
    Result<> kept = room_->Keep(used_ + added, largest);
    if (!kept && !TRY(statements_.Exists(change))) return kept;
    checkpointer_->KeepLogBytes(room_->log_bytes());
  }
  used_ += added;
  largest_ = largest;
  return {};
}

Result<> Records::Commit(std::span<const RowChange> changes) {
  MutexLock lock(mutex_);
  if (changes.size() == 1) return statements_.Apply(changes.front());
  return connection_.InTransaction([&]() REQUIRES(mutex_) -> Result<> {
    for (const RowChange& change : changes) TRY(statements_.Apply(change));
    return {};
  });
}

template <typename Make>
auto Records::ReadAll(const char* sql, Make make) const {
  using Item = std::invoke_result_t<Make, const Row&>;
  auto read = [&]() -> Result<std::vector<Item>> {
    MutexLock lock(mutex_);
    std::vector<Item> items;
    sqlite::Statement statement = TRY(connection_.Prepare(sql));
    TRY(statement.Run({}, [&](const Row& row) { items.push_back(make(row)); }));
    return items;
  };
  return read();
}

Result<std::vector<SandboxRow>> Records::Sandboxes() const {
  return ReadAll("SELECT id, blob, owner FROM sandboxes",
                 [](const Row& row) { return SandboxRow{row.String(0), row.String(1), row.String(2)}; });
}

Result<std::vector<ContainerRow>> Records::Containers() const {
  return ReadAll("SELECT id, sandbox_id, blob FROM containers",
                 [](const Row& row) { return ContainerRow{row.String(0), row.String(1), row.String(2)}; });
}

Result<std::vector<LocalRow>> Records::Locals() const {
  return ReadAll("SELECT c.id, c.blob, s.blob FROM local_containers c JOIN local_specs s USING (id)",
                 [](const Row& row) { return LocalRow{row.String(0), row.String(1), row.String(2)}; });
}

Result<std::vector<VolumeRow>> Records::VolumeRows() const {
  return ReadAll("SELECT id, blob FROM local_volumes",
                 [](const Row& row) { return VolumeRow{row.String(0), row.String(1)}; });
}

Result<std::vector<LocalRow>> Records::Networks() const {
  MutexLock lock(mutex_);
  std::vector<LocalRow> rows;
  sqlite::Statement statement = TRY(connection_.Prepare("SELECT id, blob FROM local_networks"));
  TRY(statement.Run({}, [&rows](const Row& row) { rows.push_back({row.String(0), row.String(1)}); }));
  return rows;
}

Result<std::vector<ImageRow>> Records::Images() const {
  return ReadAll("SELECT id, blob FROM images",
                 [](const Row& row) { return ImageRow{row.String(0), row.String(1)}; });
}

Result<std::vector<std::string>> Records::ImageIds() const {
  return ReadAll("SELECT id FROM images", [](const Row& row) { return row.String(0); });
}

Result<std::optional<ImageRow>> Records::Image(const std::string& id) const {
  MutexLock lock(mutex_);
  std::optional<ImageRow> found;
  sqlite::Statement statement = TRY(connection_.Prepare("SELECT id, blob FROM images WHERE id = ?1"));
  TRY(statement.Run({Text{id}}, [&found](const Row& row) { found = {row.String(0), row.String(1)}; }));
  return found;
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
  if (fdatasync(log_fd_) != 0) return SystemError("fdatasync", path_ + "-wal");
  return {};
}

}  // namespace davit::cri
