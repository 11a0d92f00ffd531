// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/device_filter.h"

#include <algorithm>
#include <string_view>

namespace davit {
namespace {

constexpr char kStep[] = "device filter";

bool SameDevice(const DeviceRule& a, const DeviceRule& b) {
  return a.type == b.type && a.major == b.major && a.minor == b.minor;
}

bool Overlap(const DeviceRule& a, const DeviceRule& b) {
  auto meet = [](int64_t x, int64_t y) { return x == y || x == -1 || y == -1; };
  return a.type == b.type && meet(a.major, b.major) && meet(a.minor, b.minor);
}

// The letters of rwm for which `in` holds.
template <typename Predicate>
std::string Accesses(Predicate in) {
  std::string result;
  for (char access : std::string_view("rwm")) {
    if (in(access)) result += access;
  }
  return result;
}

std::string Union(const std::string& a, const std::string& b) {
  return Accesses([&](char c) { return a.contains(c) || b.contains(c); });
}

std::string Difference(const std::string& a, const std::string& b) {
  return Accesses([&](char c) { return a.contains(c) && !b.contains(c); });
}

Result<> CheckRule(const DeviceRule& rule) {
  bool access_ok = !rule.access.empty() && rule.access.find_first_not_of("rwm") == std::string::npos;
  // Numbers of devices have 12 and 20 bits (linux/kdev_t.h).
  bool number_ok = rule.major >= -1 && rule.major < (1 << 12) && rule.minor >= -1 && rule.minor < (1 << 20);
  bool type_ok =
      rule.type == 'b' || rule.type == 'c' || (rule.type == 'a' && rule.major == -1 && rule.minor == -1);
  if (access_ok && number_ok && type_ok) return {};
  return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule), "malformed rule");
}

void Allow(const DeviceRule& rule, std::vector<DeviceRule>& allowed) {
  for (DeviceRule& present : allowed) {
    if (!SameDevice(present, rule)) continue;
    present.access = Union(present.access, rule.access);
    return;
  }
  allowed.push_back({true, rule.type, rule.major, rule.minor, Union(rule.access, "")});
}

Result<> Deny(const DeviceRule& rule, std::vector<DeviceRule>& allowed) {
  for (DeviceRule& present : allowed) {
    if (SameDevice(present, rule)) {
      present.access = Difference(present.access, rule.access);
    } else if (Overlap(present, rule) && Difference(present.access, rule.access) != present.access) {
      return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule),
                  "denies a part of what " + FormatDeviceRule(present) + " allows");
    }
  }
  std::erase_if(allowed, [](const DeviceRule& present) { return present.access.empty(); });
  return {};
}

}  // namespace

Result<DeviceFilter> ReduceDeviceRules(std::span<const DeviceRule> rules) {
  DeviceFilter filter;
  for (const DeviceRule& rule : rules) {
    TRY(CheckRule(rule));
    if (rule.type == 'a') {
      if (rule.access.size() != 3) {
        return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule), "a rule for everything takes rwm");
      }
      filter = DeviceFilter{rule.allow, {}};
    } else if (filter.allow_all) {
      if (!rule.allow) {
        return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule),
                    "denied after everything was allowed");
      }
    } else if (rule.allow) {
      Allow(rule, filter.allowed);
    } else {
      TRY(Deny(rule, filter.allowed));
    }
  }
  return filter;
}

std::string FormatDeviceRule(const DeviceRule& rule) {
  auto number = [](int64_t value) { return value == -1 ? std::string("*") : std::to_string(value); };
  return std::string(1, rule.type) + ' ' + number(rule.major) + ':' + number(rule.minor) + ' ' + rule.access;
}

}  // namespace davit
