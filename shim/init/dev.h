// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Device nodes and the container's own /dev.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit::shim {

// Fills the container's /dev, a new tmpfs that no other process can see yet: null, zero, full, random,
// urandom and tty, the symlinks ptmx, fd, stdin, stdout and stderr, and those of `devices` that are below
// /dev. The umask must be 0.
Result<> PopulateDev(int dev_fd, const std::vector<DeviceStep>& devices);

// Creates a device anywhere in the container's root. An existing node is left unchanged if it is the same
// device (a bind of the host's /dev); otherwise fails with EEXIST.
Result<> MakeDeviceInRoot(int root_fd, const DeviceStep& device);

// Opens the container's /dev/null. Fails with EINVAL if it is not character device 1:3.
Result<UniqueFd> OpenDevNull(int root_fd);

// EINVAL unless `fd` is the character device 1:3.
Result<> VerifyDevNull(int fd);

}  // namespace davit::shim
