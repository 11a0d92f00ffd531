// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Devices, namespaces and security settings as Docker's users write them. All errors are kInvalidArgument and
// show the grammar.
#pragma once

#include <string>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::cli {

// "HOST_PATH[:CONTAINER_PATH][:rwm]", or "vendor.com/class=name" for a CDI device.
Result<> AddDevice(const std::string& text, ::davit::v1::ContainerSpec& spec);

// "no-new-privileges[=true|false]", "seccomp=unconfined|PATH" or "apparmor=unconfined|PROFILE", also with ":"
// for "=". A relative path is one of this command's working directory.
Result<> AddSecurityOption(const std::string& text, ::davit::v1::ContainerSpec& spec);

// "NAME=VALUE".
Result<> AddSysctl(const std::string& text, ::davit::v1::ContainerSpec& spec);

// The number or the name of a group.
Result<> AddGroup(const std::string& text, ::davit::v1::ContainerSpec& spec);

// --pid and --ipc: empty or "private" for one of its own, or "host".
Result<::davit::v1::ContainerSpec::Namespace> ParseNamespace(const std::string& flag,
                                                             const std::string& text);

}  // namespace davit::cli
