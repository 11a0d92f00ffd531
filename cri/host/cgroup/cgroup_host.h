// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroups of this host, version 1, 2 or both (cgroups(7)).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/host/cgroup/device_program.h"
#include "cri/host/cgroup/device_rule.h"
#include "cri/host/cgroup/hierarchy.h"
#include "cri/host/cgroup/killing.h"
#include "cri/host/cgroup/resources.h"
#include "cri/host/cgroup/write_plan.h"

namespace davit::cri {

// One per daemon. Keeps the root of every hierarchy open. Thread-safe, except that each path may have only
// one caller at a time.
//
// A path is relative to the root of every hierarchy and the same in all: "/kubepods/podX/ID" (cgroup_path.h).
// An invalid path is kInvalidArgument, except for Kill, Remove and Populated, which treat it as a cgroup that
// does not exist, so that cleanup never fails because of a name. Requires Linux 6.1; an error names file and
// value.
class CgroupHost final : public Cgroups {
 public:
  static Result<CgroupHost> Probe(const std::string& mount_point = "/sys/fs/cgroup");

  CgroupMode mode() const { return mode_; }
  std::span<const CgroupHierarchy> hierarchies() const override { return hierarchies_; }
  // The v2 hierarchy; null if there is none.
  const CgroupHierarchy* Unified() const;
  bool HasController(std::string_view controller) const;

  // Creates the cgroup, and its missing parents, in all hierarchies, ready for processes to join. An existing
  // empty cgroup of that name is replaced. A failure removes everything that was created. If `devices` is
  // empty, the cgroup gets no device filter of its own; the filters of its ancestors apply.
  Result<> Create(const std::string& path, const CgroupResources& resources,
                  std::span<const DeviceRule> devices) const override;

  // Creates the cgroup in those hierarchies that lack it. Where it exists, it is unchanged and keeps its
  // processes.
  Result<> CreateWhereMissing(const std::string& path) const;

  // Writes the fields that are set. A memory limit below the current usage is kFailedPrecondition for both
  // cgroup versions; no process is killed. After a failure, the earlier writes stay in force.
  Result<> Update(const std::string& path, const CgroupResources& resources) const override;

  Result<ShimCgroupFds> OpenForShim(const std::string& path) const override;

  // An O_PATH descriptor of the mount point, for a container's own view of the hierarchies.
  Result<UniqueFd> OpenMountPoint() const override;

  Result<ExecCgroups::Lease> LendToExec(ExecCgroups& execs, const std::string& path,
                                        const std::string& exec_id) const override;

  // Kills all processes in the cgroup and below it, and waits until they have ended; kDeadlineExceeded if
  // some have not. Succeeds if the cgroup does not exist.
  Result<> Kill(const std::string& path, int timeout_ms = kCgroupKillTimeoutMs) const;

  // Removes the cgroup and everything below it; processes in it are killed. Idempotent.
  Result<> Remove(const std::string& path) const override;

  // Whether the cgroup or one below it has processes; false if it does not exist.
  Result<bool> Populated(const std::string& path) const;

  // The sorted names of the direct children of `path` ("/" is allowed) in any of the hierarchies.
  Result<std::vector<std::string>> Children(const std::string& path) const;

  // The number of OOM kills in the cgroup (on v2 also below it) since its creation. 0 without a memory
  // controller.
  Result<int64_t> OomKills(const std::string& path) const;

 private:
  CgroupHost(std::string mount_point, CgroupMode mode, std::vector<CgroupHierarchy> hierarchies)
      : mount_point_(std::move(mount_point)),
        mode_(mode),
        hierarchies_(std::move(hierarchies)),
        programs_(std::make_unique<DevicePrograms>()) {}

  Result<> LimitDevices(const std::string& path, const DeviceFilter& filter) const;

  std::string mount_point_;
  CgroupMode mode_;
  std::vector<CgroupHierarchy> hierarchies_;
  std::unique_ptr<DevicePrograms> programs_;
};

}  // namespace davit::cri
