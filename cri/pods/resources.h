// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Arithmetic on CRI resources. A field of 0 or "" is not set, as in the CRI.
#pragma once

#include "api/cri/v1/api.pb.h"
#include "cri/pods/pod_records.h"

namespace davit {

// Overwrites in `into` what `change` sets. The OOM score stays: it is the process's, given when it starts.
void MergeResources(::runtime::v1::LinuxContainerResources& into,
                    const ::runtime::v1::LinuxContainerResources& change);

// A container's resources as last updated, else as created.
::runtime::v1::LinuxContainerResources RecordedResources(const ::runtime::v1::ContainerConfig& config,
                                                         const ContainerRecord& record);

// A pod's own resources and what its runtime class adds on top: shares, quota and memory are summed where
// both are set; where the resources leave a field unset, unlimited included, the sum does too.
::runtime::v1::LinuxContainerResources AddOverhead(const ::runtime::v1::LinuxContainerResources& resources,
                                                   const ::runtime::v1::LinuxContainerResources& overhead);

}  // namespace davit
