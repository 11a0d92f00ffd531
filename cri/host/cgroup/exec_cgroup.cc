// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/exec_cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/cgroup_path.h"
#include "cri/host/cgroup/killing.h"

namespace davit::cri {
namespace {

constexpr char kKept[] = "davit-exec";

}  // namespace

Result<ExecCgroup> ExecCgroup::Make(const CgroupHost& host, const std::string& container,
                                    const std::string& name) {
  ExecCgroup cgroup(host, TRY(CgroupPath::Parse(container)).relative());
  const CgroupHierarchy* unified = host.Unified();
  if (unified == nullptr) return cgroup;
  std::string path = cgroup.container_ + "/" + name;
  if (mkdirat(unified->dir.get(), path.c_str(), 0755) != 0 && errno != EEXIST) {
    // The container may limit what is beneath its cgroup (cgroup.max.descendants and cgroup.max.depth).
    if (errno == EAGAIN) return cgroup;
    return SystemError("mkdir", "/" + path);
  }
  cgroup.path_ = std::move(path);
  cgroup.directory_ = TRY(OpenAt(unified->dir.get(), cgroup.path_, O_RDONLY | O_DIRECTORY));
  cgroup.events_ = TRY(OpenAt(cgroup.directory_.get(), "cgroup.events", O_RDONLY));
  return cgroup;
}

bool ExecCgroup::IsVacant() const {
  if (path_.empty()) return true;
  return !ReadPopulated(events_.get(), path_).value_or(true);
}

Result<> ExecCgroup::Kill() const {
  return path_.empty() ? Result<>{} : host_->Kill("/" + path_);
}

void ExecCgroup::Remove() {
  // A command that forks all the time may win some rounds; what stays goes with the container's cgroup.
  constexpr int kAttempts = 10;
  if (path_.empty()) return;
  const CgroupHierarchy& unified = *host_->Unified();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (unlinkat(unified.dir.get(), path_.c_str(), AT_REMOVEDIR) == 0 || errno != EBUSY) return;
    Empty(unified);
  }
}

void ExecCgroup::Empty(const CgroupHierarchy& unified) const {
  Result<std::vector<int>> pids = PidsBelow(unified, path_);
  if (!pids) return;
  for (int pid : *pids) {  // one that has ended meanwhile is as good as moved
    (void)WriteFileAt(unified.dir.get(), container_ + "/cgroup.procs", std::to_string(pid));
  }
}

Result<ExecCgroups::Lease> ExecCgroups::Take(const CgroupHost& host, const std::string& container,
                                             const std::string& exec_id) {
  MutexLock lock(mutex_);
  if (!lent_) {
    ExecCgroup taken = kept_ ? std::move(*kept_) : TRY(ExecCgroup::Make(host, container, kKept));
    kept_.reset();
    if (taken.IsVacant()) {
      lent_ = true;
      return Lease(this, std::move(taken));
    }
  }
  return Lease(nullptr, TRY(ExecCgroup::Make(host, container, "exec-" + exec_id)));
}

void ExecCgroups::Return(ExecCgroup cgroup, bool killed) {
  MutexLock lock(mutex_);
  lent_ = false;
  if (!killed && cgroup.IsVacant()) {
    kept_.emplace(std::move(cgroup));
  } else {
    // Removed under the lock: the next exec makes a cgroup of the same name.
    ExecCgroup removed = std::move(cgroup);
  }
}

void ExecCgroups::Forget() {
  MutexLock lock(mutex_);
  kept_.reset();
}

}  // namespace davit::cri
