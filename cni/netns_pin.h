// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Paths for network namespaces that are otherwise only descriptors: network plugins need one.
#pragma once

#include <string>

#include "base/error.h"

namespace davit {

// DIR/davit-ID.
std::string NetnsPin(const std::string& dir, const std::string& id);

// Mounts the namespace on DIR/davit-ID, which ip-netns(8) understands too when `dir` is /run/netns, and
// returns that path. It stays until Unpin, whatever becomes of this process and of the pod. The directory is
// made when missing.
Result<std::string> PinNetns(const std::string& dir, const std::string& id, int netns_fd);

// False when there is no such file, or nothing is mounted on it: after a restart of the host, for one.
bool IsPinned(const std::string& dir, const std::string& id);

// Idempotent.
Result<> UnpinNetns(const std::string& dir, const std::string& id);

}  // namespace davit
