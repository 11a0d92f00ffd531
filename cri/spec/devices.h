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

namespace davit::cri {

// The devices that a request lists, with their type, numbers, mode and owner on the host. A symlink means its
// target, a directory means all devices below it. kInvalidArgument for any other file or a directory without
// devices, kNotFound for a path that does not exist; both name the path.
Result<std::vector<shim::DeviceStep>> RequestedDevices(
    const google::protobuf::RepeatedPtrField<::runtime::v1::Device>& devices);

// The device at `host_path`, for the path `inside` in the container. kInvalidArgument if it is not a device.
Result<shim::DeviceStep> DeviceAt(const std::string& host_path, const std::string& inside);

// All character and block devices below `directory`, at the same relative paths below /dev in the container:
// the host devices of a privileged container. Omitted are symlinks, and the names that every container has of
// its own: pts, shm, mqueue, fd, console and ptmx.
Result<std::vector<shim::DeviceStep>> HostDevices(const std::string& directory);

// The device filter for a plan: it allows everything if all_devices is set. Otherwise the container may
// create nodes of any device, but may open only the standard devices, terminals, and the devices that the
// plan lists.
std::vector<DeviceRule> DeviceRulesOf(const shim::ContainerPlan& plan);

}  // namespace davit::cri
