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

namespace davit {

// One per daemon. It holds the root of every hierarchy open. Thread-safe, with one caller at a time for one
// path.
//
// A path is the same in every hierarchy and seen from its root: "/kubepods/podX/ID" (cgroup_path.h). One that
// no cgroup can have is kInvalidArgument, but for Kill, Remove and Populated, to which it does not exist:
// what ends a cgroup never fails for its name. Kernels from 6.1 on; an error names file and value.
class CgroupHost final : public Cgroups {
 public:
  static Result<CgroupHost> Probe(const std::string& mount_point = "/sys/fs/cgroup");

  CgroupMode mode() const { return mode_; }
  std::span<const CgroupHierarchy> hierarchies() const override { return hierarchies_; }
  // The v2 hierarchy; null when there is none.
  const CgroupHierarchy* Unified() const;
  bool HasController(std::string_view controller) const;

  // Makes the cgroup in all hierarchies, ready for processes to join, and missing parents with it. An empty
  // leftover of that name is replaced. On failure nothing that was made stays. No device rules at all: the
  // parent's filter alone holds.
  Result<> Create(const std::string& path, const CgroupResources& resources,
                  std::span<const DeviceRule> devices) const override;

  // Makes the cgroup in those hierarchies that lack it and leaves it as it is elsewhere, processes included.
  Result<> CreateWhereMissing(const std::string& path) const;

  // Writes the fields that are set. A memory limit below what is in use is kFailedPrecondition, whatever the
  // cgroup version; nobody is killed for it. A failure in the middle leaves the writes before it in force.
  Result<> Update(const std::string& path, const CgroupResources& resources) const override;

  Result<ShimCgroupFds> OpenForShim(const std::string& path) const override;

  // O_PATH of the mount point, for a container's own view of the hierarchies.
  Result<UniqueFd> OpenMountPoint() const override;

  Result<ExecCgroups::Lease> LendToExec(ExecCgroups& execs, const std::string& path,
                                        const std::string& exec_id) const override;

  // Kills every process in the cgroup and below it and waits until they are gone; kDeadlineExceeded when some
  // are not. A cgroup that does not exist is a success.
  Result<> Kill(const std::string& path, int timeout_ms = kCgroupKillTimeoutMs) const;

  // Removes the cgroup and everything below it; what still runs there is killed. Idempotent.
  Result<> Remove(const std::string& path) const override;

  // False when it does not exist.
  Result<bool> Populated(const std::string& path) const;

  // The names of the cgroups right below `path` ("/" is allowed) in any of the hierarchies, sorted.
  Result<std::vector<std::string>> Children(const std::string& path) const;

  // OOM kills in the cgroup, and on v2 below it, since it was made. 0 without a memory controller.
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

}  // namespace davit
