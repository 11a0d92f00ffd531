// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/container_cleanup.h"

namespace davit::cri {

template <typename Change>
Result<> ContainerCleanup::ChangeCgroup(Container& container, Change change) const {
  std::string path = container.record().Read([](const ContainerRecord& r) { return r.cgroup_path; });
  if (path.empty()) return {};  // its record cannot be read
  container.exec_cgroups().Forget();
  MutexLock lock(container.cgroup_mutex());
  return change(path);
}

Result<> ContainerCleanup::Kill(Container& container) const {
  return ChangeCgroup(container, [this](const std::string& path) { return cgroups_.Kill(path); });
}

Result<> ContainerCleanup::RemoveCgroup(Container& container) const {
  return ChangeCgroup(container, [this](const std::string& path) { return cgroups_.Remove(path); });
}

void ContainerCleanup::Collect(Container& container) const {
  if (Result<> removed = RemoveCgroup(container); !removed) {
    log_.Log(LogLevel::kWarning, "cgroup not removed",
             {{"container", container.id()}, {"error", removed.error().ToString()}});
  }
  shims_.RemoveExitRecord(container.id());
}

}  // namespace davit::cri
