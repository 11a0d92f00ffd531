// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/pod_namespaces.h"

#include <sched.h>

namespace davit::shim {
namespace {

Result<> Join(const UniqueFd& fd, int type, const char* name) {
  if (fd && setns(fd.get(), type) < 0) return SystemError("setns", name);
  return {};
}

}  // namespace

NamespaceChoice NamespacesOf(const ContainerPlan& plan) {
  return {.net = !plan.host_network, .ipc = !plan.host_ipc, .uts = !plan.host_uts};
}

Result<> JoinPodNamespaces(const PodNamespaces& pod, NamespaceChoice choice) {
  if (choice.net) TRY(Join(pod.net, CLONE_NEWNET, "network namespace"));
  if (choice.ipc) TRY(Join(pod.ipc, CLONE_NEWIPC, "IPC namespace"));
  if (choice.uts) TRY(Join(pod.uts, CLONE_NEWUTS, "UTS namespace"));
  return {};
}

}  // namespace davit::shim
