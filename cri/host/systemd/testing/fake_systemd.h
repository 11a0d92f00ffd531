// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A fake systemd: units are names, and cgroups are made and removed by the test.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/host/systemd/systemd.h"

namespace davit::cri {

// Thread-safe.
class FakeSystemd final : public Systemd {
 public:
  explicit FakeSystemd(int version = 252) : version_(version) {}

  int version() const override { return version_; }

  Result<> StartTransientUnit(const std::string& unit, const UnitProperties& properties) override {
    TRY(Take("StartTransientUnit", unit));
    {
      MutexLock lock(mutex_);
      if (units_.contains(unit) || failed_.contains(unit))
        return davit::Fail(Code::kAlreadyExists, "StartTransientUnit", unit);
      units_[unit] = properties;
    }
    if (on_start) on_start(unit, properties);
    return TakeAfter("StartTransientUnit", unit);
  }
  Result<> SetUnitProperties(const std::string& unit, const UnitProperties& properties) override {
    TRY(Take("SetUnitProperties", unit));
    {
      MutexLock lock(mutex_);
      if (!units_.contains(unit)) return davit::Fail(Code::kNotFound, "SetUnitProperties", unit);
      changes_[unit] = properties;
    }
    return TakeAfter("SetUnitProperties", unit);
  }
  Result<> StopUnit(const std::string& unit) override {
    TRY(Take("StopUnit", unit));
    {
      MutexLock lock(mutex_);
      if (units_.erase(unit) == 0 && !failed_.contains(unit))
        return davit::Fail(Code::kNotFound, "StopUnit", unit);
    }
    if (on_stop) on_stop(unit);
    return {};
  }
  Result<> ResetFailedUnit(const std::string& unit) override {
    TRY(Take("ResetFailedUnit", unit));
    MutexLock lock(mutex_);
    if (failed_.erase(unit) == 0 && !units_.contains(unit))
      return davit::Fail(Code::kNotFound, "ResetFailedUnit", unit);
    return {};
  }

  // Called without a lock when a unit is made or stopped.
  std::function<void(const std::string& unit, const UnitProperties& properties)> on_start;
  std::function<void(const std::string& unit)> on_stop;

  // The next call of the method fails, before or after it has had its effect.
  void Fail(const std::string& method, Code code) { Plan(failures_, method, code); }
  void FailAfter(const std::string& method, Code code) { Plan(late_failures_, method, code); }
  // A unit of this name has failed and is kept.
  void AddFailed(const std::string& unit) {
    MutexLock lock(mutex_);
    failed_.insert(unit);
  }
  void AddUnit(const std::string& unit) {
    MutexLock lock(mutex_);
    units_[unit] = {};
  }

  std::map<std::string, UnitProperties> units() const {
    MutexLock lock(mutex_);
    return units_;
  }
  // The last change of a unit's properties.
  UnitProperties change(const std::string& unit) {
    MutexLock lock(mutex_);
    return changes_[unit];
  }
  // "StopUnit a.scope"
  std::vector<std::string> calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  using Failures = std::map<std::string, Code>;

  void Plan(Failures& failures, const std::string& method, Code code) {
    MutexLock lock(mutex_);
    failures[method] = code;
  }
  Result<> Take(const std::string& method, const std::string& unit) {
    MutexLock lock(mutex_);
    calls_.push_back(method + " " + unit);
    return Planned(failures_, method, unit);
  }
  Result<> TakeAfter(const std::string& method, const std::string& unit) {
    MutexLock lock(mutex_);
    return Planned(late_failures_, method, unit);
  }
  Result<> Planned(Failures& failures, const std::string& method, const std::string& unit) REQUIRES(mutex_) {
    auto planned = failures.extract(method);
    if (planned.empty()) return {};
    return davit::Fail(planned.mapped(), method, unit, "the test wants it to fail");
  }

  const int version_;
  mutable Mutex mutex_;
  std::map<std::string, UnitProperties> units_ GUARDED_BY(mutex_);
  std::map<std::string, UnitProperties> changes_ GUARDED_BY(mutex_);
  std::set<std::string> failed_ GUARDED_BY(mutex_);
  std::vector<std::string> calls_ GUARDED_BY(mutex_);
  Failures failures_;
  Failures late_failures_;
};

}  // namespace davit::cri
