// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The bandwidth that a pod's annotations allow it.
#pragma once

#include <cstdint>
#include <optional>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cri {

struct BandwidthLimits {
  std::optional<uint64_t> ingress;  // into the pod, bits per second
  std::optional<uint64_t> egress;
};

// Reads kubernetes.io/ingress-bandwidth and kubernetes.io/egress-bandwidth, which are quantities of
// Kubernetes ("10M", "1.5Gi", "2e6") from 1k to 1P. kInvalidArgument names the annotation and its value.
Result<BandwidthLimits> BandwidthOf(const ::runtime::v1::PodSandboxConfig& config);

}  // namespace davit::cri
