// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Seccomp profiles as files: the "linux.seccomp" object of the OCI runtime specification, with the includes,
// excludes, archMap and symbolic errnos that Docker, Podman and CRI-O profiles add to it.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "cri/host/seccomp/profile.h"

namespace davit {

constexpr size_t kMaxSeccompProfileBytes = 1 << 20;

// `capabilities` (bit N is capability number N) and this host decide which conditional rules count. What
// would change a verdict if it were ignored is an error: unknown actions and operators, unknown conditions in
// includes and excludes, kInvalidArgument naming the place; SCMP_ACT_NOTIFY is kUnimplemented. Rules that
// name no call, do not count here or repeat the default action say nothing and are dropped unread. Ignored
// are members that nobody knows, the filter flags (logging and speculation, not verdicts) and architectures
// that this host cannot execute.
Result<SeccompProfile> ParseSeccompProfile(const std::string& json, uint64_t capabilities);

}  // namespace davit
