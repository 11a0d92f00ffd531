// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/device_filter.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace davit::cri {
namespace {

constexpr char kStep[] = "device filter";

using Device = std::tuple<char, int64_t, int64_t>;

Device DeviceOf(const DeviceRule& rule) {
  return {rule.type, rule.major, rule.minor};
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

// The rules that allow, each found by its device without a search.
class AllowedDevices {
 public:
  void Allow(const DeviceRule& rule) {
    auto [place, added] = places_.try_emplace(DeviceOf(rule), rules_.size());
    if (added) rules_.push_back({true, rule.type, rule.major, rule.minor, ""});
    DeviceRule& present = rules_[place->second];
    present.access = Union(present.access, rule.access);
  }

  Result<> Deny(const DeviceRule& rule) {
    for (DeviceRule& present : rules_) {
      if (DeviceOf(present) == DeviceOf(rule)) {
        present.access = Difference(present.access, rule.access);
      } else if (Overlap(present, rule) && Difference(present.access, rule.access) != present.access) {
        return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule),
                    "denies a part of what " + FormatDeviceRule(present) + " allows");
      }
    }
    std::erase_if(rules_, [](const DeviceRule& present) { return present.access.empty(); });
    places_.clear();
    for (size_t i = 0; i < rules_.size(); ++i) places_[DeviceOf(rules_[i])] = i;
    return {};
  }

  void Clear() {
    rules_.clear();
    places_.clear();
  }

  std::vector<DeviceRule> Take() { return std::move(rules_); }

 private:
  std::vector<DeviceRule> rules_;
  std::map<Device, size_t> places_;  // in rules_
};

}  // namespace

Result<DeviceFilter> ReduceDeviceRules(std::span<const DeviceRule> rules) {
  bool allow_all = false;
  AllowedDevices allowed;
  for (const DeviceRule& rule : rules) {
    TRY(CheckRule(rule));
    if (rule.type == 'a') {
      if (rule.access.size() != 3) {
        return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule), "a rule for everything takes rwm");
      }
      allow_all = rule.allow;
      allowed.Clear();
    } else if (allow_all) {
      if (!rule.allow) {
        return Fail(Code::kInvalidArgument, kStep, FormatDeviceRule(rule),
                    "denied after everything was allowed");
      }
    } else if (rule.allow) {
      allowed.Allow(rule);
    } else {
      TRY(allowed.Deny(rule));
    }
  }
  return DeviceFilter{allow_all, allowed.Take()};
}

std::string FormatDeviceRule(const DeviceRule& rule) {
  auto number = [](int64_t value) { return value == -1 ? std::string("*") : std::to_string(value); };
  return std::string(1, rule.type) + ' ' + number(rule.major) + ':' + number(rule.minor) + ' ' + rule.access;
}

}  // namespace davit::cri
