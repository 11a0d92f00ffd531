// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Confines containers in addition to namespaces and cgroups: seccomp filters, AppArmor profiles, SELinux
// contexts.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "base/unique_fd.h"
#include "cri/host/apparmor/apparmor.h"
#include "cri/host/seccomp/compiler.h"
#include "cri/host/selinux/levels.h"
#include "cri/host/selinux/selinux.h"
#include "cri/pods/pod.h"
#include "cri/spec/host_facts.h"
#include "shim/plan.h"

namespace davit::cri {

// Thread-safe.
class Confinement {
 public:
  // All must outlive the object.
  struct Ports {
    SeccompCompiler& seccomp;
    AppArmor& apparmor;
    const SeLinux& selinux;
    const HostFacts& facts;
  };
  explicit Confinement(const Ports& ports) : ports_(ports) {}

  // A new descriptor of the filter of a container's process, to be sent to the shim; the compiled filter
  // stays cached.
  Result<UniqueFd> SeccompFilterOf(const ::runtime::v1::ContainerConfig& config,
                                   const shim::ProcessPlan& process);
  // Checks and prepares the confinement that the process requires: compiles the filter, loads the AppArmor
  // profile, and checks the SELinux contexts with the kernel.
  Result<> Provide(const ::runtime::v1::ContainerConfig& config, const shim::ProcessPlan& process);

  // Checks with the kernel that the SELinux contexts of the pod are valid.
  Result<> CheckPod(const ::runtime::v1::PodSandboxConfig& config) const;
  // Reserves and returns the SELinux level of the pod's containers: the one that the pod requests, or a free
  // one. Empty on a host without SELinux.
  Result<std::string> TakeLevel(const std::string& sandbox_id, const ::runtime::v1::PodSandboxConfig& config);
  // Reserves a level that a pod or container requests, or that it had before the daemon's start.
  void HoldLevel(const std::string& owner, const std::string& level) { levels_.Hold(owner, level); }
  void GiveLevelBack(const std::string& owner) { levels_.GiveBack(owner); }
  // The SELinux context of the pod's own files.
  Result<std::string> FilesContextOf(const Sandbox& sandbox) const;

 private:
  Result<> CheckContexts(const std::string& message, const std::string& process,
                         const std::string& files) const;

  const Ports ports_;
  Levels levels_;
};

}  // namespace davit::cri
