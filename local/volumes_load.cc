// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/directory.h"
#include "base/file_io.h"
#include "local/volume_fill.h"
#include "local/volume_parts.h"
#include "local/volumes.h"

namespace davit::local {
namespace {

Result<VolumeRecord> Read(const cri::VolumeRow& row) {
  VolumeRecord record = TRY(Decode<VolumeRecord>(row.blob, "record of volume " + row.name));
  if (record.name != row.name || !CheckVolumeName(row.name))
    return Fail(Code::kDataLoss, "decode", "record of volume " + row.name, "it has another name");
  return record;
}

bool Exists(int dir_fd, const std::string& path) {
  struct stat status{};
  return fstatat(dir_fd, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

Result<> Volumes::Load() {
  std::set<std::string> unreadable;
  TRY(LoadRows(unreadable));
  if (access(ports_.directory.c_str(), F_OK) < 0 && errno == ENOENT) return {};
  TRY(LoadDirectories(unreadable));
  DropStaging();
  UniqueFd trash = TRY(OpenPart(kTrashName));
  if (!TRY(ListDirectory(trash.get())).empty()) trash_.Resume();
  return {};
}

// A row whose directory does not exist is of a volume that was never made, or is removed.
Result<> Volumes::LoadRows(std::set<std::string>& unreadable) {
  for (const cri::VolumeRow& row : TRY(ports_.store.VolumeRows())) {
    Result<VolumeRecord> record = Read(row);
    if (!record) {
      LogProblem("volume not loaded", row.name, record.error());
      unreadable.insert(row.name);
    } else if (Exists(AT_FDCWD, DataOf(row.name))) {
      MutexLock lock(mutex_);
      entries_[row.name].record = std::move(*record);
    } else if (Result<> deleted = ports_.store.DeleteVolume(row.name); !deleted) {
      LogProblem("record of a volume not deleted", row.name, deleted.error());
    }
  }
  MutexLock lock(mutex_);
  unreadable_ = unreadable;
  return {};
}

Result<> Volumes::LoadDirectories(const std::set<std::string>& unreadable) {
  UniqueFd root = TRY(OpenRoot());
  for (const std::string& name : TRY(ListDirectory(root.get()))) {
    if (name.starts_with('.') || unreadable.contains(name)) continue;
    if (!CheckVolumeName(name) || !Exists(root.get(), name + "/" + kDataName)) {
      LogProblem("no volume", ports_.directory + "/" + name,
                 {Code::kFailedPrecondition, 0, "load volume", name, "it is left alone"});
      continue;
    }
    if (!Has(name)) TRY(TakeOver(name));
    if (Result<> finished = FinishFill(TRY(OpenVolume(name)).get()); !finished)
      LogProblem("volume not filled yet", name, finished.error());
  }
  return {};
}

// Its row was lost, with the database or in a power failure.
Result<> Volumes::TakeOver(const std::string& name) {
  VolumeRecord record;
  record.name = name;
  record.created_at = ports_.clock.UnixNanoseconds();
  if (Result<> put = ports_.store.PutVolumeDurably({name, Encode(record)}); !put)
    LogProblem("record of a volume not written", name, put.error());
  ports_.log.Log(LogLevel::kWarning, "volume without a record taken over", {{"volume", name}});
  MutexLock lock(mutex_);
  entries_[name].record = std::move(record);
  return {};
}

// Into the trash: a fill may have left much.
void Volumes::DropStaging() {
  Result<UniqueFd> root = OpenRoot();
  Result<> dropped = root ? trash_.Take(root->get(), kStagingName) : std::unexpected(root.error());
  if (!dropped && dropped.error().os_errno != ENOENT)
    LogProblem("unfinished volumes not removed", kStagingName, dropped.error());
}

}  // namespace davit::local
