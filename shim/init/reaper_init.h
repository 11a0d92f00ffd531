// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// PID 1 of a pod whose containers share a PID namespace (shim/reaper/).
#pragma once

#include "base/error.h"
#include "shim/init/pod_namespaces.h"

namespace davit::shim {

// Executes `program`, an open file, so that a container can find nothing through /proc/1: with an empty root,
// without capabilities and descriptors, and, because of the exec, without the shim's memory. The caller was
// cloned into new PID and mount namespaces. A failure is reported on `sync`, which exec closes.
[[noreturn]] void RunReaperInit(const PodNamespaces& pod, int program, int sync);

}  // namespace davit::shim
