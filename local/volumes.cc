// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volumes.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/codec.h"
#include "base/directory.h"
#include "base/file_io.h"
#include "base/ids.h"
#include "base/plain_name.h"
#include "base/rollback.h"
#include "local/volume_fill.h"
#include "local/volume_parts.h"
#include "snapshotter/disk_usage.h"
#include "snapshotter/remove_tree.h"

namespace davit::local {
namespace {

constexpr size_t kMostNameBytes = 255;  // of a file's name

std::string Joined(const std::set<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids) text += (text.empty() ? "" : ", ") + id;
  return text;
}

// "KEY" or "KEY=VALUE".
bool HasLabel(const VolumeRecord& record, const std::string& wanted) {
  return std::ranges::any_of(record.labels, [&wanted](const VolumeLabel& label) {
    return wanted == label.key || wanted == label.key + "=" + label.value;
  });
}

bool HasLabels(const VolumeRecord& record, const api::PruneVolumesRequest& request) {
  return std::ranges::all_of(request.labels(),
                             [&record](const std::string& wanted) { return HasLabel(record, wanted); });
}

std::unexpected<Error> NoSuchVolume(const std::string& name) {
  return Fail(Code::kNotFound, "get", name, "no such volume");
}

}  // namespace

Result<> CheckVolumeName(const std::string& name) {
  if (!IsPlainName(name)) {
    return Fail(Code::kInvalidArgument, "volume", name,
                "includes invalid characters for a local volume name, only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
                "allowed. If you intended to pass a host directory, use absolute path");
  }
  if (name.size() <= kMostNameBytes) return {};
  return Fail(Code::kInvalidArgument, "volume", name, "has a name of more than 255 bytes");
}

std::string Volumes::DataOf(const std::string& name) const {
  return ports_.directory + "/" + name + "/" + kDataName;
}

Volumes::Volumes(Ports ports)
    : ports_(std::move(ports)),
      trash_([this] { return OpenPart(kTrashName); },
             [this](const std::string& name, const Error& error) {
               LogProblem("removed volume not deleted", name, error);
             }) {}

Result<UniqueFd> Volumes::OpenRoot() const {
  if (mkdir(ports_.directory.c_str(), 0700) < 0 && errno != EEXIST)
    return SystemError("mkdir", ports_.directory);
  return OpenAt(AT_FDCWD, ports_.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<UniqueFd> Volumes::OpenPart(const char* name) const {
  return OpenPrivateDirectory(TRY(OpenRoot()).get(), name);
}

Result<UniqueFd> Volumes::OpenVolume(const std::string& name) const {
  return OpenDirectory(TRY(OpenRoot()).get(), name);
}

Result<api::Volume> Volumes::Create(const std::string& name, Labels labels) {
  VolumeRecord record;
  record.anonymous = name.empty();
  record.name = name.empty() ? TRY(NewId()) : name;
  record.labels = std::move(labels);
  record.created_at = ports_.clock.UnixNanoseconds();
  TRY(CheckVolumeName(record.name));
  MutexLock changing(changing_);
  if (!Has(record.name)) TRY(Make(record));
  return Inspect(record.name);
}

Result<> Volumes::Make(VolumeRecord record) {
  const std::string& name = record.name;
  {
    MutexLock lock(mutex_);
    if (unreadable_.contains(name)) {
      return Fail(Code::kFailedPrecondition, "create volume", name,
                  "there is one of another version of davitd, whose record cannot be read");
    }
    if (entries_.size() >= kMost) {
      return Fail(
          Code::kResourceExhausted, "create volume", name,
          "there are " + std::to_string(kMost) + " volumes already: davit volume prune removes unused ones");
    }
  }
  UniqueFd root = TRY(OpenRoot());
  UniqueFd staging = TRY(OpenPart(kStagingName));
  Rollback rollback;
  rollback.Add([&] { std::ignore = snapshotter::RemoveTree(staging.get(), name, stop_); });
  TRY(MakeDirectory(staging.get(), name, 0700));
  TRY(MakeDirectory(TRY(OpenDirectory(staging.get(), name)).get(), kDataName, 0755));
  rollback.Add([&] { std::ignore = ports_.store.DeleteVolume(name); });
  TRY(ports_.store.PutVolumeDurably({name, Encode(record)}));
  if (renameat2(staging.get(), name.c_str(), root.get(), name.c_str(), RENAME_NOREPLACE) < 0)
    return SystemError("create volume", ports_.directory + "/" + name);
  rollback.Dismiss();
  ports_.events.Note("volume", "create", name, {});
  MutexLock lock(mutex_);
  std::string key = name;
  entries_[key].record = std::move(record);
  return {};
}

Result<api::Volume> Volumes::Inspect(const std::string& name) const {
  MutexLock lock(mutex_);
  auto found = entries_.find(name);
  if (found == entries_.end()) return NoSuchVolume(name);
  return ToApi(found->second);
}

std::vector<api::Volume> Volumes::List() const {
  MutexLock lock(mutex_);
  std::vector<api::Volume> volumes;
  for (const auto& [name, entry] : entries_) volumes.push_back(ToApi(entry));
  return volumes;
}

Result<> Volumes::Remove(const std::string& name) {
  MutexLock changing(changing_);
  if (!Has(name)) return NoSuchVolume(name);
  TRY(CheckUsersKnown(name));
  return RemoveUnused(name);
}

Result<> Volumes::CheckUsersKnown(const std::string& name) const {
  MutexLock lock(mutex_);
  if (unknown_users_.empty()) return {};
  const std::string& user = *unknown_users_.begin();
  return Fail(Code::kFailedPrecondition, "remove", name,
              "container " + user +
                  ", whose record cannot be read, may mount it: remove that container first (davit rm " +
                  user + "), or start a davitd that can read the record");
}

Result<> Volumes::RemoveUnused(const std::string& name) {
  {
    MutexLock lock(mutex_);
    auto found = entries_.find(name);
    if (found == entries_.end()) return NoSuchVolume(name);
    if (const std::set<std::string>& users = found->second.users; !users.empty())
      return Fail(Code::kFailedPrecondition, "remove", name, "volume is in use - [" + Joined(users) + "]");
  }
  TRY(Discard(name));
  {
    MutexLock lock(mutex_);
    entries_.erase(name);
  }
  ports_.events.Note("volume", "destroy", name, {});
  return ports_.store.DeleteVolume(name);
}

// From here on the volume is gone, also after a crash.
Result<> Volumes::Discard(const std::string& name) {
  Result<> taken = trash_.Take(TRY(OpenRoot()).get(), name);
  if (!taken && taken.error().os_errno == ENOENT) return {};
  return taken;
}

void Volumes::LogUnremoved(const std::string& name, const Result<>& removed) const {
  if (removed || removed.error().code == Code::kFailedPrecondition || removed.error().code == Code::kNotFound)
    return;
  LogProblem("volume not removed", name, removed.error());
}

Result<api::PruneVolumesResponse> Volumes::Prune(const api::PruneVolumesRequest& request, const Gone& gone) {
  std::vector<std::string> unused;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, entry] : entries_) {
      bool kind = request.all() || entry.record.anonymous;
      if (kind && entry.users.empty() && HasLabels(entry.record, request)) unused.push_back(name);
    }
  }
  api::PruneVolumesResponse response;
  if (!unused.empty()) TRY(CheckUsersKnown("volume " + unused.front()));
  for (const std::string& name : unused) {
    if (gone()) return Fail(Code::kCancelled, "prune volumes", name, "the client has left");
    uint64_t bytes = BytesOf(name).value_or(0);
    Result<> removed = Remove(name);
    if (!removed && removed.error().code != Code::kFailedPrecondition &&
        removed.error().code != Code::kNotFound)
      return std::unexpected(std::move(removed).error());
    if (!removed) continue;  // somebody has begun to use it, or has removed it
    response.add_removed(name);
    response.set_reclaimed_bytes(response.reclaimed_bytes() + bytes);
  }
  return response;
}

Result<uint64_t> Volumes::BytesOf(const std::string& name) const {
  UniqueFd data = TRY(OpenDirectory(TRY(OpenVolume(name)).get(), kDataName));
  return TRY(snapshotter::MeasureTree(std::move(data), name, &stop_)).bytes;
}

// A volume that is gone meanwhile counts as empty: a figure for people must not fail for it.
Result<api::VolumesUsageResponse> Volumes::Usage(const Gone& gone) const {
  api::VolumesUsageResponse usage;
  for (const api::Volume& volume : List()) {
    if (gone() || stop_)
      return Fail(Code::kCancelled, "measure volumes", volume.name(), "nobody waits for it");
    bool active = !volume.containers().empty();
    uint64_t bytes = BytesOf(volume.name()).value_or(0);
    usage.set_total(usage.total() + 1);
    usage.set_active(usage.active() + (active ? 1 : 0));
    usage.set_total_bytes(usage.total_bytes() + bytes);
    if (!active) usage.set_reclaimable_bytes(usage.reclaimable_bytes() + bytes);
  }
  return usage;
}

bool Volumes::Has(const std::string& name) const {
  MutexLock lock(mutex_);
  return entries_.contains(name);
}

api::Volume Volumes::ToApi(const Entry& entry) const {
  api::Volume volume;
  volume.set_name(entry.record.name);
  for (const VolumeLabel& label : entry.record.labels) (*volume.mutable_labels())[label.key] = label.value;
  volume.set_created_at(entry.record.created_at);
  volume.set_anonymous(entry.record.anonymous);
  volume.set_mountpoint(DataOf(entry.record.name));
  for (const std::string& id : entry.users) volume.add_containers(id);
  return volume;
}

void Volumes::LogProblem(const char* what, const std::string& name, const Error& error) const {
  ports_.log.Log(LogLevel::kWarning, what, {{"volume", name}, {"error", error.ToString()}});
}

}  // namespace davit::local
