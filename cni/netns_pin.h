// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Gives paths to network namespaces that otherwise exist only as descriptors: network plugins need a path.
#pragma once

#include <string>

#include "base/error.h"

namespace davit::cni {

// The path DIR/davit-ID.
std::string NetnsPin(const std::string& dir, const std::string& id);

// Mounts the namespace on DIR/davit-ID, which ip-netns(8) also recognises if `dir` is /run/netns, and returns
// that path. The mount remains until UnpinNetns, also after the end of this process and of the pod. Creates
// `dir` if it is missing; replaces an earlier pin.
Result<std::string> PinNetns(const std::string& dir, const std::string& id, int netns_fd);

// False if the file does not exist or no namespace is mounted on it, for example after a restart of the host.
bool IsPinned(const std::string& dir, const std::string& id);

// Removes the mount and its file. Idempotent.
Result<> UnpinNetns(const std::string& dir, const std::string& id);

}  // namespace davit::cni
