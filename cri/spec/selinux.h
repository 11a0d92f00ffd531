// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which SELinux contexts confine pods and containers.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/host/selinux/selinux.h"

namespace davit::cri {

struct SeLinuxContexts {
  SeLinuxContext process;
  SeLinuxContext files;

  bool operator==(const SeLinuxContexts&) const = default;
};

// Empty on a host without SELinux, whatever the pod requests, because DaemonSets send the same request to
// every host. Otherwise the contexts that the policy gives to containers, with the parts that the pod
// requests replaced. `level` is the pod's own: the requested one, or one that was drawn at random. The files
// have the user and the level of the processes. kInvalidArgument names the field and its value.
Result<SeLinuxContexts> PodContexts(const ::runtime::v1::LinuxSandboxSecurityContext& pod,
                                    const std::string& level, const SeLinuxHost& host);

// The same for a container, which has its pod's values for the parts that it does not request. A container
// that is privileged, or in the host's PID or IPC namespace, has a process context only if it or its pod
// requests a type: it needs access that containers do not have, and the policy chooses its context.
// kFailedPrecondition if the policy has no contexts for containers and this one needs a context.
Result<SeLinuxContexts> ContainerContexts(const ::runtime::v1::LinuxContainerSecurityContext& container,
                                          const ::runtime::v1::LinuxSandboxSecurityContext& pod,
                                          const std::string& level, const SeLinuxHost& host);

// For a pod that requests no level: the sensitivity ("s0") to which a random pair of categories is added.
// Empty if no level is drawn: the pod requests one, the host has no SELinux, or its policy has no levels.
std::string SensitivityToDraw(const ::runtime::v1::LinuxSandboxSecurityContext& pod, const SeLinuxHost& host);

// The last components of the directory below which a mount's files may be relabelled ("/pods/<uid>"). The
// kubelet keeps a pod's volumes below <its root>/pods/<uid>, and relabels no others. Empty if the uid is not
// a valid directory name.
std::string KubeletsPodDirectory(const ::runtime::v1::PodSandboxMetadata& pod);

}  // namespace davit::cri
