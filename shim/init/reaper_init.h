// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// PID 1 of a pod whose containers share a PID namespace (shim/reaper/).
#pragma once

#include "base/error.h"
#include "shim/init/pod_namespaces.h"

namespace davit {

// Leaves everything behind that a container could find through /proc/1: an empty root, no capabilities, no
// descriptors, and with the exec of `program` no memory of the shim's either. The caller was cloned into new
// PID and mount namespaces. A failure is reported to `sync`, which exec closes.
[[noreturn]] void RunReaperInit(const PodNamespaces& pod, int program, int sync);

}  // namespace davit
