// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Device nodes and the container's own /dev.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/plan.h"

namespace davit {

// Fills a new tmpfs that nobody else can see yet, the container's /dev: null, zero, full, random, urandom and
// tty, the symlinks ptmx, fd, stdin, stdout and stderr, and those of `devices` that lie below /dev. The umask
// must be 0.
Result<> PopulateDev(int dev_fd, const std::vector<DeviceStep>& devices);

// Makes a device anywhere in the container's root. One that is there already is left as it is when it is the
// same device (a bind of the host's /dev), and EEXIST when it is not.
Result<> MakeDeviceInRoot(int root_fd, const DeviceStep& device);

// Opens the container's /dev/null, or EINVAL when it is anything else than character device 1:3.
Result<UniqueFd> OpenDevNull(int root_fd);

// EINVAL unless `fd` is the character device 1:3.
Result<> VerifyDevNull(int fd);

}  // namespace davit
