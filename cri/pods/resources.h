// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Calculations with CRI resources. As in the CRI, a field of 0 or "" is not set.
#pragma once

#include "api/cri/v1/api.pb.h"
#include "cri/pods/pod_records.h"

namespace davit::cri {

// Overwrites in `into` the fields that `change` sets, except the OOM score: it belongs to the process and is
// set at its start.
void MergeResources(::runtime::v1::LinuxContainerResources& into,
                    const ::runtime::v1::LinuxContainerResources& change);

// A container's resources as last updated, else as created.
::runtime::v1::LinuxContainerResources RecordedResources(const ::runtime::v1::ContainerConfig& config,
                                                         const ContainerRecord& record);

// The sum of a pod's resources and the overhead of its runtime class: shares, quota (over the same period)
// and memory are added where both are set. A field that `resources` leaves unset, including unlimited, stays
// unset.
::runtime::v1::LinuxContainerResources AddOverhead(const ::runtime::v1::LinuxContainerResources& resources,
                                                   const ::runtime::v1::LinuxContainerResources& overhead);

}  // namespace davit::cri
