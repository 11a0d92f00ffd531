// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which SELinux contexts confine pods and containers.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/host/selinux/selinux.h"

namespace davit {

struct SeLinuxContexts {
  SeLinuxContext process;
  SeLinuxContext files;

  bool operator==(const SeLinuxContexts&) const = default;
};

// Nothing where the host has no SELinux, whatever is asked for: DaemonSets ask everywhere. Otherwise what the
// policy gives containers, with what the pod asks for in its place. `level` is the pod's own: the one it asks
// for, else one that was drawn for it. The files have the user and the level of the processes.
// kInvalidArgument names the field and its value.
Result<SeLinuxContexts> PodContexts(const ::runtime::v1::LinuxSandboxSecurityContext& pod,
                                    const std::string& level, const SeLinuxHost& host);

// The same for a container, which goes with its pod where it asks for nothing. A container that is
// privileged, or in the host's PID or IPC namespace, has no context but one whose type it asks for: it is to
// reach what no container does, and what it becomes is left to the policy. kFailedPrecondition when the
// policy says nothing of containers and this one needs a context.
Result<SeLinuxContexts> ContainerContexts(const ::runtime::v1::LinuxContainerSecurityContext& container,
                                          const ::runtime::v1::LinuxSandboxSecurityContext& pod,
                                          const std::string& level, const SeLinuxHost& host);

// The level that pairs of categories are added to, for a pod that asks for none: "s0". Empty when none is to
// be drawn: without SELinux, and with a policy that has no levels.
std::string SensitivityToDraw(const ::runtime::v1::LinuxSandboxSecurityContext& pod, const SeLinuxHost& host);

// The last components of the directory below which a mount's files may be relabelled. The kubelet keeps a
// pod's volumes below <its root>/pods/<uid>, and relabels no others. Empty when the uid is no name of a
// directory.
std::string KubeletsPodDirectory(const ::runtime::v1::PodSandboxMetadata& pod);

}  // namespace davit
