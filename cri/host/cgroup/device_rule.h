// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One rule of a container's device filter (Documentation/admin-guide/cgroup-v1/devices.rst; on v2 implemented
// with BPF).
#pragma once

#include <cstdint>
#include <string>

namespace davit::cri {

// Rules apply in order; a later one overrides an earlier one. The first of a list is always {allow or deny,
// 'a', -1, -1, "rwm"}.
struct DeviceRule {
  bool allow = false;
  char type = 'a';             // 'b', 'c', or 'a' for both (major and minor are -1 then)
  int64_t major = -1;          // -1: any
  int64_t minor = -1;          // -1: any
  std::string access = "rwm";  // a subset of r (read), w (write), m (mknod), in this order

  bool operator==(const DeviceRule&) const = default;
};

}  // namespace davit::cri
