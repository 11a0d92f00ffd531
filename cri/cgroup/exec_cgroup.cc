// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/cgroup/exec_cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"

namespace davit {

Result<ExecCgroup> ExecCgroup::Make(const CgroupHost& host, const std::string& container,
                                    const std::string& exec_id) {
  TRY(CheckCgroupPath(container));
  ExecCgroup cgroup(host, container.substr(1));
  const CgroupHierarchy* unified = host.Unified();
  if (unified == nullptr) return cgroup;
  std::string path = cgroup.container_ + "/exec-" + exec_id;
  if (mkdirat(unified->dir.get(), path.c_str(), 0755) != 0) return SystemError("mkdir", "/" + path);
  cgroup.path_ = std::move(path);
  cgroup.directory_ = TRY(OpenAt(unified->dir.get(), cgroup.path_, O_RDONLY | O_DIRECTORY));
  return cgroup;
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

}  // namespace davit
