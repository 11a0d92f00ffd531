// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/containers.h"

namespace davit::cri {
namespace {

std::string CgroupPathOf(const Container& container) {
  return container.record().Read([](const ContainerRecord& r) { return r.cgroup_path; });
}

}  // namespace

// With the lock no update or start of the container is in between.
Result<> Containers::Pause(const std::string& container_id, Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  MutexLock lock(container->cgroup_mutex());
  if (!container->running())
    return Fail(Code::kFailedPrecondition, "pause container", container->id(), "it is not running");
  return ports_.cgroups.Freeze(CgroupPathOf(*container));
}

Result<> Containers::Unpause(const std::string& container_id, Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  MutexLock lock(container->cgroup_mutex());
  if (!container->running())
    return Fail(Code::kFailedPrecondition, "unpause container", container->id(), "it is not running");
  return ports_.cgroups.Thaw(CgroupPathOf(*container));
}

Result<bool> Containers::IsPaused(const std::string& container_id, Call& call) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, call.owner));
  MutexLock lock(container->cgroup_mutex());
  return container->running() && TRY(ports_.cgroups.Frozen(CgroupPathOf(*container)));
}

}  // namespace davit::cri
