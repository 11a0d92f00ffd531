// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Seccomp profiles in JSON files: the "linux.seccomp" object of the OCI runtime specification, with the
// includes, excludes, archMap and symbolic errnos that the profiles of Docker, Podman and CRI-O add.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "cri/host/seccomp/profile.h"

namespace davit::cri {

constexpr size_t kMaxSeccompProfileBytes = 1 << 20;

// `capabilities` (bit N is capability number N) and this host decide which conditional rules apply. Content
// that could change a verdict is never ignored: unknown actions, operators, and conditions in includes and
// excludes are kInvalidArgument, which names the place; SCMP_ACT_NOTIFY is kUnimplemented. Rules that name no
// call, do not apply here or repeat the default action have no effect and are skipped without validation.
// Unknown members, the filter flags (they affect logging and speculation, not verdicts) and architectures
// that this host cannot run are ignored.
Result<SeccompProfile> ParseSeccompProfile(const std::string& json, uint64_t capabilities);

}  // namespace davit::cri
