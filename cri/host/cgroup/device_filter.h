// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's device rules, reduced to what both cgroup versions can express.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/device_rule.h"

namespace davit::cri {

// Allows everything, or only what a rule in `allowed` names. An access is granted if a single rule grants all
// of it: separate rules for read and for write do not add up, except for rules of exactly the same device,
// which are merged.
struct DeviceFilter {
  bool allow_all = false;
  std::vector<DeviceRule> allowed;

  bool operator==(const DeviceFilter&) const = default;
};

// Applies the rules in order; the first one sets the default. kInvalidArgument for a denial that removes only
// a part of what an earlier rule allows, and for any denial after "allow everything": v1 cannot express them,
// and the access must not be granted by mistake.
Result<DeviceFilter> ReduceDeviceRules(std::span<const DeviceRule> rules);

// Formats as "c 1:3 rwm", the syntax of devices.allow.
std::string FormatDeviceRule(const DeviceRule& rule);

}  // namespace davit::cri
