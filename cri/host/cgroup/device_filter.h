// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A container's device rules, reduced to what both cgroup versions can express alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/device_rule.h"

namespace davit {

// Everything is allowed, or everything is denied but what a rule of `allowed` names. An access is granted
// when one rule grants all of it: rules for read and for write do not add up, except those of the very same
// device, which are merged.
struct DeviceFilter {
  bool allow_all = false;
  std::vector<DeviceRule> allowed;

  bool operator==(const DeviceFilter&) const = default;
};

// Applies the rules in order; the first says what holds for everything. A denial that takes away only a part
// of what an earlier rule allows, or anything after "allow everything", is kInvalidArgument: v1 could not do
// it, and it must not be granted by mistake.
Result<DeviceFilter> ReduceDeviceRules(std::span<const DeviceRule> rules);

// "c 1:3 rwm", the form of devices.allow.
std::string FormatDeviceRule(const DeviceRule& rule);

}  // namespace davit
