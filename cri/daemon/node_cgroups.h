// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The cgroups of this node, with the driver that the configuration and the host choose.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "cri/config/config.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/placeholder.h"
#include "cri/host/cgroup/shim_home.h"
#include "cri/host/cgroup/systemd_cgroups.h"
#include "cri/host/systemd/systemd_bus.h"

namespace davit::cri {

// kUnimplemented, with the reason, if the configuration names a driver that cannot work on a host with these
// cgroups and this PID 1.
Result<CgroupDriver> ChooseCgroupDriver(CgroupDriverChoice choice, CgroupMode mode, bool systemd_is_init);

class NodeCgroups {
 public:
  // With systemd: connects to it and makes a scope for the shims. kAuto takes cgroupfs, and logs why, if the
  // configured root is no slice or systemd is too old.
  static Result<std::unique_ptr<NodeCgroups>> Open(const CgroupConfig& config, const Logger& log);

  const Cgroups& cgroups() const { return systemd_ ? static_cast<const Cgroups&>(*systemd_) : *host_; }
  ShimHome& shims() { return *shims_; }

 private:
  NodeCgroups() = default;
  Result<> OpenSystemd(const CgroupConfig& config, const Logger& log);
  Result<ShimHome::Made> MakeShimScope() const;
  Result<> OpenCgroupfs();

  std::optional<CgroupHost> host_;
  // With the driver systemd only.
  UniqueFd placeholder_program_;
  std::unique_ptr<Placeholders> placeholders_;
  std::unique_ptr<SystemdBus> bus_;
  std::optional<SystemdCgroups> systemd_;

  std::unique_ptr<ShimHome> shims_;
};

}  // namespace davit::cri
