// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kernel settings below /proc/sys. Those under net/ belong to the network namespace of the thread that opens
// them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cni {

// The value without its newline. `name` is the path below /proc/sys: "net/ipv4/ip_forward".
Result<std::string> ReadSysctl(const std::string& name);

// Writes only if the value differs, so that a read-only /proc/sys with the right value is no error.
Result<> EnsureSysctl(const std::string& name, std::string_view value);

// False when the kernel runs without IPv6.
bool KernelHasIpv6();

}  // namespace davit::cni
