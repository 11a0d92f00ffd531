// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Access to the network namespace of a pod, which only its shim holds.
#pragma once

#include <functional>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/worker_pool.h"
#include "cri/pods/pod.h"

namespace davit::cri {

// Asks the pod's shim for a descriptor and returns at once. `done` is called on a thread of `workers`, which
// must outlive the shim's connection, or on the calling thread if the shim cannot be asked. kInternal if the
// pod uses the host's network.
void AskNetworkNamespace(const SandboxPtr& sandbox, WorkerPool& workers,
                         const std::function<void(Result<UniqueFd>)>& done);

}  // namespace davit::cri
