// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How a start that failed shows in a container's status.
#pragma once

#include <cstdint>

namespace davit {

// What the kubelet's own tests accept for a container that never ran.
inline constexpr int32_t kStartErrorCode = 128;
inline constexpr char kStartErrorReason[] = "StartError";

}  // namespace davit
