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
#include "cri/host/cgroup/device_filter.h"
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
  // `root` is for the placement only (CgroupfsPlacement).
  static Result<CgroupHost> Probe(const std::string& mount_point = "/sys/fs/cgroup",
                                  const std::string& root = "/");

  const CgroupfsPlacement& placement() const override { return placement_; }
  CgroupMode mode() const { return mode_; }
  std::span<const CgroupHierarchy> hierarchies() const override { return hierarchies_; }
  // The v2 hierarchy; null if there is none.
  const CgroupHierarchy* Unified() const;
  bool HasController(std::string_view controller) const;

  // Creates the cgroup, and its missing parents, in all hierarchies, ready for processes to join. An existing
  // empty cgroup of that name is replaced. A failure removes everything that was created. If `devices` is
  // empty, the cgroup gets no device filter of its own; the filters of its ancestors apply.
  Result<> Create(const std::string& path, const CgroupResources& resources,
                  std::span<const DeviceRule> devices) const;
  // Create for Cgroups.
  Result<> CreatePod(const std::string& path) const override;
  // Create and OpenForShim. Without a placeholder: a directory stays without a process.
  Result<ContainerCgroup> CreateContainer(const std::string& path, const CgroupResources& resources,
                                          std::span<const DeviceRule> devices) const override;

  // Makes a cgroup ready that another has created: controllers, `writes` (write_plan.h) and device filter, as
  // Create does.
  Result<> Prepare(const std::string& path, const std::vector<CgroupWrite>& writes,
                   const DeviceFilter* devices) const;

  // Creates the cgroup in those hierarchies that lack it. Where it exists, it is unchanged and keeps its
  // processes.
  Result<> CreateWhereMissing(const std::string& path) const;

  // Writes the fields that are set. A memory limit below the current usage is kFailedPrecondition for both
  // cgroup versions; no process is killed. After a failure, the earlier writes stay in force.
  Result<> Update(const std::string& path, const CgroupResources& resources) const override;

  // The two steps of Update: what is to be written, once there is room for a lower memory limit, and the
  // writing.
  Result<std::vector<CgroupWrite>> PlanUpdate(const std::string& path,
                                              const CgroupResources& resources) const;
  Result<> Write(const std::string& path, const std::vector<CgroupWrite>& writes) const;
  // What the files of `writes` contain now, in their order; those that cannot be read are omitted.
  std::vector<CgroupWrite> ReadBack(const std::string& path, const std::vector<CgroupWrite>& writes) const;

  Result<> Freeze(const std::string& path) const override;
  Result<> Thaw(const std::string& path) const override;
  Result<bool> Frozen(const std::string& path) const override;

  Result<ShimCgroupFds> OpenForShim(const std::string& path) const;
  // Opens memory.events of the parent in the v2 hierarchy.
  Result<UniqueFd> OpenOomOfParent(const std::string& path) const;

  // An O_PATH descriptor of the mount point, for a container's own view of the hierarchies.
  Result<UniqueFd> OpenMountPoint() const override;

  Result<ExecCgroups::Lease> LendToExec(ExecCgroups& execs, const std::string& path,
                                        const std::string& exec_id) const override;

  Result<> Kill(const std::string& path) const override { return Kill(path, kCgroupKillTimeoutMs); }
  Result<> Kill(const std::string& path, int timeout_ms) const;
  Result<> Remove(const std::string& path) const override;

  Result<bool> Populated(const std::string& path) const override;
  // In any of the hierarchies; "/" is allowed.
  Result<std::vector<std::string>> Children(const std::string& path) const override;
  // Whether the cgroup exists in any of the hierarchies.
  bool Exists(const std::string& path) const;

  // The number of OOM kills in the cgroup (on v2 also below it) since its creation. 0 without a memory
  // controller.
  Result<int64_t> OomKills(const std::string& path) const;

 private:
  CgroupHost(std::string mount_point, const std::string& root, CgroupMode mode,
             std::vector<CgroupHierarchy> hierarchies)
      : mount_point_(std::move(mount_point)),
        placement_(root),
        mode_(mode),
        hierarchies_(std::move(hierarchies)),
        programs_(std::make_unique<DevicePrograms>()) {}

  Result<> LimitDevices(const std::string& path, const DeviceFilter& filter) const;

  std::string mount_point_;
  CgroupfsPlacement placement_;
  CgroupMode mode_;
  std::vector<CgroupHierarchy> hierarchies_;
  std::unique_ptr<DevicePrograms> programs_;
};

}  // namespace davit::cri
