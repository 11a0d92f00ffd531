// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/processes.h"

#include <vector>

#include "cri/host/cgroup/cgroup_path.h"

namespace davit::cri {

Result<> Processes::Signal(const std::string& container_id, int signo, Call& call) const {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  Result<> sent = container->Signal(signo);
  if (!sent && sent.error().code == Code::kNotFound)
    return Fail(Code::kFailedPrecondition, "signal container", container->id(), "it is not running");
  return sent;
}

Result<int32_t> Processes::PidOf(const std::string& container_id, Call& call) const {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  return container->record().Read([](const ContainerRecord& r) { return r.pid; });
}

Result<UniqueFd> Processes::Open(const std::string& container_id, Call& call) const {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  if (!container->running())
    return Fail(Code::kFailedPrecondition, "open process of container", container->id(), "it is not running");
  return container->DuplicateProcess();
}

Result<std::set<int>> Processes::Of(const std::string& container_id, Call& call) const {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  if (!container->running()) {
    return Fail(Code::kFailedPrecondition, "list processes of container", container->id(),
                "it is not running");
  }
  CgroupPath path = TRY(
      CgroupPath::Parse(container->record().Read([](const ContainerRecord& r) { return r.cgroup_path; })));
  std::set<int> pids;
  for (const CgroupHierarchy& hierarchy : ports_.cgroups.hierarchies()) {
    std::vector<int> found = TRY(PidsBelow(hierarchy, path.relative()));
    pids.insert(found.begin(), found.end());
  }
  return pids;
}

}  // namespace davit::cri
