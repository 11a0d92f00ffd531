// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The volumes of local containers, as the service davit.v1.Volumes promises them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/davit/v1/volumes.pb.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/records/volume_store.h"
#include "local/event_log.h"
#include "local/volume_record.h"
#include "snapshotter/snapshots.h"
#include "snapshotter/trash.h"

namespace davit::local {

namespace api = ::davit::v1;

// A volume is the directory <directory>/NAME with the directory "_data" in it, and exists as long as that
// does; its record has what else is known of it. It comes and goes with one rename: from ".staging", once the
// record is on disk, and to ".trash", before the record is deleted. So a record without a directory is one
// that a crash has left, and a directory without a record is somebody's data: Load takes it over.
//
// Thread-safe. Has no thread and no descriptor while nothing happens.
class Volumes {
 public:
  static constexpr size_t kMost = 5000;

  // All must outlive the object.
  struct Ports {
    std::string directory;  // is made with the first volume
    cri::VolumeStore& store;
    snapshotter::Snapshots& snapshots;
    const Logger& log;
    const Clock& clock;
    EventLog& events;
  };
  using Labels = std::vector<VolumeLabel>;
  // Whether a call has no client any more.
  using Gone = std::function<bool()>;

  explicit Volumes(Ports ports);
  // Ends copies, measurements and deletions in progress; Load resumes deletions.
  ~Volumes() { Stop(); }
  // The same, without waiting for their end.
  void Stop() {
    stop_ = true;
    trash_.Stop();
  }

  // Reads the records and completes what a crash has interrupted. Called once. A record that cannot be read
  // is logged and left alone, with its directory.
  Result<> Load() EXCLUDES(changing_, mutex_);

  // An empty name: an anonymous volume.
  Result<api::Volume> Create(const std::string& name, Labels labels) EXCLUDES(changing_, mutex_);
  Result<api::Volume> Inspect(const std::string& name) const EXCLUDES(mutex_);
  std::vector<api::Volume> List() const EXCLUDES(mutex_);
  // kFailedPrecondition, naming them, if containers mount it, or if there is a container of which nobody
  // knows what it mounts.
  Result<> Remove(const std::string& name) EXCLUDES(changing_, mutex_);
  Result<api::PruneVolumesResponse> Prune(const api::PruneVolumesRequest& request, const Gone& gone)
      EXCLUDES(changing_, mutex_);
  Result<api::VolumesUsageResponse> Usage(const Gone& gone) const EXCLUDES(mutex_);

  // The directory that a container mounts, at the host.
  std::string DataOf(const std::string& name) const;

  // For a container that is being created: makes the volumes that do not exist, counts the container among
  // the users of all, and fills the empty ones from the image with these layers, unless their use says
  // no_copy. Returns the names of those that it has made. After an error all is as before, except that a
  // volume that existed may be filled.
  Result<std::vector<std::string>> Mount(const std::string& container, const std::vector<VolumeUse>& uses,
                                         const std::vector<std::string>& chain_ids, const Gone& gone)
      EXCLUDES(changing_, mutex_);
  // Undoes Mount: also removes the volumes that it has made, except those that others use by now.
  void Unmount(const std::string& container, const std::vector<VolumeUse>& uses,
               const std::vector<std::string>& made) EXCLUDES(changing_, mutex_);
  // For a container of an earlier daemon: counts it among the users.
  void Adopt(const std::string& container, const std::vector<VolumeUse>& uses) EXCLUDES(mutex_);
  // The same if it cannot be read what the container mounts: until its release no volume can be removed.
  void AdoptUnknown(const std::string& container) EXCLUDES(mutex_);
  // For a container that is removed; idempotent. An anonymous volume that others use, or may use, stays in
  // any case.
  void Release(const std::string& container, const std::vector<VolumeUse>& uses, AnonymousVolumes anonymous)
      EXCLUDES(changing_, mutex_);

 private:
  struct Entry {
    VolumeRecord record;
    std::set<std::string> users;                                 // containers
    std::shared_ptr<Mutex> filling = std::make_shared<Mutex>();  // held by the one fill at a time
  };

  // Directories below `directory`, made if they are missing.
  Result<UniqueFd> OpenRoot() const;
  Result<UniqueFd> OpenPart(const char* name) const;
  Result<UniqueFd> OpenVolume(const std::string& name) const;

  Result<> LoadRows(std::set<std::string>& unreadable) EXCLUDES(mutex_);
  Result<> LoadDirectories(const std::set<std::string>& unreadable) EXCLUDES(mutex_);
  Result<> TakeOver(const std::string& name) EXCLUDES(mutex_);
  void DropStaging();

  Result<> Make(VolumeRecord record) REQUIRES(changing_) EXCLUDES(mutex_);
  Result<> MakeDirectories(const std::string& name) const;
  Result<bool> MakeForUse(const std::string& container, const VolumeUse& use) EXCLUDES(changing_, mutex_);
  Result<> FillFor(const std::vector<VolumeUse>& uses, const std::vector<std::string>& chain_ids,
                   const Gone& gone) EXCLUDES(mutex_);
  Result<> FillOne(const VolumeUse& use, const UniqueFd& image, const Gone& gone) EXCLUDES(mutex_);
  Result<bool> WantsFill(const VolumeUse& use) const;
  void Forget(const std::string& container, const std::vector<VolumeUse>& uses) EXCLUDES(mutex_);
  Result<> CheckUsersKnown(const std::string& name) const EXCLUDES(mutex_);
  Result<> RemoveUnused(const std::string& name) REQUIRES(changing_) EXCLUDES(mutex_);
  void LogUnremoved(const std::string& name, const Result<>& removed) const;
  Result<> Discard(const std::string& name);
  bool Has(const std::string& name) const EXCLUDES(mutex_);
  std::shared_ptr<Mutex> FillLockOf(const std::string& name) const EXCLUDES(mutex_);
  Result<uint64_t> BytesOf(const std::string& name) const;
  api::Volume ToApi(const Entry& entry) const;
  void LogProblem(const char* what, const std::string& name, const Error& error) const;

  const Ports ports_;
  std::atomic<bool> stop_ = false;
  Mutex changing_;  // held while a volume is made or removed; taken before mutex_
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);  // by name
  std::set<std::string> unreadable_ GUARDED_BY(mutex_);
  std::set<std::string> unknown_users_ GUARDED_BY(mutex_);  // containers
  snapshotter::Trash trash_;                                // last: its thread uses the object
};

// kInvalidArgument unless the name has the form that the API allows.
Result<> CheckVolumeName(const std::string& name);

}  // namespace davit::local
