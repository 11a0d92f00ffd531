// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What has been updated of a container's spec since its creation, as pure functions. The spec's own row is
// written once (record.h), so the container's record has the updates.
#pragma once

#include "api/cri/v1/api.pb.h"
#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "local/record.h"

namespace davit::local {

// The spec with the updates in the record.
::davit::v1::ContainerSpec SpecInForce(const ::davit::v1::ContainerSpec& spec, const LocalRecord& record);
::davit::v1::RestartPolicy PolicyInForce(const ::davit::v1::ContainerSpec& spec, const LocalRecord& record);

// For LocalRecord::update: what the record has of updates, with those of `update` instead of older ones.
std::string AddUpdate(const LocalRecord& record, const ::davit::v1::ContainerUpdate& update);

// kInvalidArgument names the field that is wrong in itself or contradicts what is not updated.
Result<> CheckUpdate(const ::davit::v1::ContainerSpec& in_force, const ::davit::v1::ContainerUpdate& update);

// The limits in it for a container that runs. Without any: nothing is set.
::runtime::v1::LinuxContainerResources LimitsOf(const ::davit::v1::ContainerUpdate& update);

}  // namespace davit::local
