// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What confines containers besides namespaces and cgroups: seccomp filters, AppArmor profiles, SELinux
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

namespace davit {

// Thread-safe.
class Confinement {
 public:
  // All outlive the object.
  struct Ports {
    SeccompCompiler& seccomp;
    AppArmor& apparmor;
    const SeLinux& selinux;
    const HostFacts& facts;
  };
  explicit Confinement(const Ports& ports) : ports_(ports) {}

  // A descriptor for a frame; the compiled filter stays cached.
  Result<UniqueFd> SeccompFilterOf(const ::runtime::v1::ContainerConfig& config, const ContainerPlan& plan);
  // Whether the host can confine a container as the plan says: compiles its filter, loads its AppArmor
  // profile, and asks the kernel for its contexts.
  Result<> Provide(const ::runtime::v1::ContainerConfig& config, const ContainerPlan& plan);

  // Whether the kernel has SELinux contexts such as the pod asks for.
  Result<> CheckPod(const ::runtime::v1::PodSandboxConfig& config) const;
  // The SELinux level of the pod's containers, reserved for it; empty on a host without SELinux.
  Result<std::string> TakeLevel(const std::string& sandbox_id, const ::runtime::v1::PodSandboxConfig& config);
  // The level of a pod or container that has chosen one, or had one before the daemon's start.
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

}  // namespace davit
