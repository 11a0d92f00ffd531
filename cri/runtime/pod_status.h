// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Converts pods and containers to CRI messages.
#pragma once

#include <vector>

#include "api/cri/v1/api.pb.h"
#include "cri/pods/pod_table.h"

namespace davit::cri {

::runtime::v1::PodSandboxState StateOf(const SandboxRecord& record);
::runtime::v1::ContainerState StateOf(const ContainerRecord& record);

::runtime::v1::PodSandboxStatus StatusOf(const Sandbox& sandbox);
::runtime::v1::ContainerStatus StatusOf(const Container& container);

// The statuses of all containers of a pod, the newest first: of several attempts of one container, the
// kubelet takes the first that it finds (FindContainerStatusByName).
std::vector<::runtime::v1::ContainerStatus> StatusesOfContainers(const PodTable& pods,
                                                                 const Sandbox& sandbox);

// For the List calls.
::runtime::v1::PodSandbox SummaryOf(const Sandbox& sandbox, const SandboxRecord& record);
::runtime::v1::Container SummaryOf(const Container& container, const ContainerRecord& record);

// The resources of a container as last updated, else as created.
::runtime::v1::LinuxContainerResources ResourcesOf(const Container& container);

}  // namespace davit::cri
