// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Device nodes of a container and the filter of its cgroup.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/host/cgroup/device_rule.h"
#include "shim/plan.h"

namespace davit {

// The devices that a request lists, with the type, numbers, mode and owner that they have on the host. A
// symlink stands for its target, a directory for all devices below it. kInvalidArgument for a path that is
// neither, kNotFound for one that does not exist, both naming it.
Result<std::vector<DeviceStep>> RequestedDevices(
    const google::protobuf::RepeatedPtrField<::runtime::v1::Device>& devices);

// One of them, at `inside` in the container. kInvalidArgument for a path that is no device.
Result<DeviceStep> DeviceAt(const std::string& host_path, const std::string& inside);

// All character and block devices below a directory, at the same places inside as below /dev: what a
// privileged container gets of the host's. Left out are links, terminals of others (pts), the console and
// ptmx, which every container has its own of.
Result<std::vector<DeviceStep>> HostDevices(const std::string& directory);

// The filter for a plan: everything for all_devices. Otherwise nodes may be made of any device, and opened of
// the standard devices, of terminals, and of those that the plan lists.
std::vector<DeviceRule> DeviceRulesOf(const ContainerPlan& plan);

}  // namespace davit
