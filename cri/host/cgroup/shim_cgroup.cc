// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/shim_cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file_io.h"
#include "cri/host/cgroup/cgroup_path.h"

namespace davit::cri {
namespace {

// What 0 means to cgroup.procs and tasks. gettid() would be the same thread, but then the kernel takes its
// fork lock.
constexpr pid_t kCallingThread = 0;

// Each write(2) to cgroup.procs or tasks takes one id, whatever the offset.
Result<> Enter(const UniqueFd& file, pid_t id, const std::string& path) {
  std::string text = std::to_string(id);
  ssize_t n = TEMP_FAILURE_RETRY(write(file.get(), text.data(), text.size()));
  if (n < 0) return SystemError("join cgroup", path + ": " + text);
  return {};
}

}  // namespace

Result<ShimCgroup> ShimCgroup::Open(const CgroupHost& host, const CgroupPath& path) {
  // It may stand in some hierarchies, with shims of an earlier daemon in it, and not in one mounted since.
  TRY(host.CreateWhereMissing(path.text()));
  std::vector<Files> files;
  for (const CgroupHierarchy& hierarchy : host.hierarchies()) {
    std::string base = path.relative();
    UniqueFd tasks;
    if (!hierarchy.v2) tasks = TRY(OpenAt(hierarchy.dir.get(), base + "/tasks", O_WRONLY));
    UniqueFd procs = TRY(OpenAt(hierarchy.dir.get(), base + "/cgroup.procs", O_WRONLY));
    files.push_back({hierarchy.v2, std::move(procs), std::move(tasks)});
  }
  return ShimCgroup(path.text(), host.mode(), std::move(files));
}

Result<> ShimCgroup::Join(pid_t pid) const {
  for (const Files& files : files_) TRY(Enter(files.procs, pid, path_));
  return {};
}

Result<> ShimCgroup::MoveCallingThread() const {
  for (const Files& files : files_) {
    if (!files.v2) TRY(Enter(files.tasks, kCallingThread, path_));
  }
  return {};
}

Result<> ShimCgroup::JoinAfterSpawn(pid_t pid) const {
  if (mode_ != CgroupMode::kV2) return {};
  return Join(pid);
}

}  // namespace davit::cri
