// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroup driver "systemd".
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/host/cgroup/placeholder.h"
#include "cri/host/cgroup/placement.h"
#include "cri/host/systemd/systemd.h"

namespace davit::cri {

// A container is a scope, a pod without a parent of its own is a slice. systemd makes and removes the
// cgroups; limits are given to it and written to the cgroup files, which have some that systemd does not
// know. An exec needs no call of systemd: a scope's sub-cgroups are the daemon's to make (Delegate=). A path
// that is no unit's was chosen by the driver "cgroupfs", and is left to CgroupHost.
//
// For hosts with cgroup v2 alone. An error of systemd's is returned, except by Remove, which logs it: without
// systemd's answer, it removes the cgroup nevertheless, so that a pod can be removed whatever has become of
// systemd.
class SystemdCgroups final : public Cgroups {
 public:
  // All must outlive the object.
  struct Ports {
    const CgroupHost& host;
    Systemd& systemd;
    Placeholders& placeholders;
    // The cgroup of a process: the path of /proc/PID/cgroup.
    std::function<Result<std::string>(pid_t)> cgroup_of;
    const Logger& log;
  };
  SystemdCgroups(Ports ports, SystemdPlacement placement)
      : ports_(std::move(ports)), placement_(std::move(placement)) {}

  const SystemdPlacement& placement() const override { return placement_; }
  std::span<const CgroupHierarchy> hierarchies() const override { return ports_.host.hierarchies(); }

  Result<> CreatePod(const std::string& path) const override;
  Result<ContainerCgroup> CreateContainer(const std::string& path, const CgroupResources& resources,
                                          std::span<const DeviceRule> devices) const override;
  // After kDeadlineExceeded and kUnavailable, systemd may still apply the change, and then the limits that
  // were in force before. A unit that systemd does not know gets its limits in the files alone, with a
  // warning in the log.
  Result<> Update(const std::string& path, const CgroupResources& resources) const override;
  // By the kernel's files: a scope's state in systemd does not change.
  Result<> Freeze(const std::string& path) const override { return ports_.host.Freeze(path); }
  Result<> Thaw(const std::string& path) const override { return ports_.host.Thaw(path); }
  Result<bool> Frozen(const std::string& path) const override { return ports_.host.Frozen(path); }
  Result<UniqueFd> OpenMountPoint() const override { return ports_.host.OpenMountPoint(); }
  Result<ExecCgroups::Lease> LendToExec(ExecCgroups& execs, const std::string& path,
                                        const std::string& exec_id) const override {
    return ports_.host.LendToExec(execs, path, exec_id);
  }
  Result<> Kill(const std::string& path) const override { return ports_.host.Kill(path); }
  // Asks systemd nothing about a scope whose cgroup is gone: that has ended.
  Result<> Remove(const std::string& path) const override;
  Result<std::vector<std::string>> Children(const std::string& path) const override {
    return ports_.host.Children(path);
  }
  Result<bool> Populated(const std::string& path) const override { return ports_.host.Populated(path); }

  // Makes a scope for the processes of the daemon itself, without limits. It stays as long as the placeholder
  // or another process is in it.
  Result<Placeholder> CreateOwnScope(const std::string& path, const std::string& description) const;

 private:
  Result<Placeholder> StartScope(const std::string& path, const std::string& description,
                                 const UnitProperties& limits) const;
  Result<> StartUnit(const std::string& unit, const UnitProperties& properties) const;
  bool IsOurs(const Error& error, const std::string& path, pid_t pid) const;
  Result<> ExpectIn(const std::string& path, pid_t pid) const;
  Result<> SetLimits(const std::string& path, const std::vector<CgroupWrite>& writes) const;
  Result<> RemoveUnit(const std::string& path) const;

  const Ports ports_;
  const SystemdPlacement placement_;
};

// The cgroup of a process in the v2 hierarchy, from the root of the caller's cgroup namespace (cgroups(7)).
Result<std::string> UnifiedCgroupOf(pid_t pid);

}  // namespace davit::cri
