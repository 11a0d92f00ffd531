// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port through which the daemon asks systemd for units: the methods of org.freedesktop.systemd1.Manager
// that it uses (org.freedesktop.systemd1(5)).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace davit::cri {

// The names and types of the properties are in org.freedesktop.systemd1(5), their meaning in
// systemd.resource-control(5).
struct UnitProperty {
  using StringPairs = std::vector<std::pair<std::string, std::string>>;
  // The D-Bus types b, t, s, as, ay, au and a(ss).
  using Value = std::variant<bool, uint64_t, std::string, std::vector<std::string>, std::vector<uint8_t>,
                             std::vector<uint32_t>, StringPairs>;

  std::string name;
  Value value;

  bool operator==(const UnitProperty&) const = default;
};

using UnitProperties = std::vector<UnitProperty>;

// Thread-safe. A call takes a limited time. An error names the method and the unit, and has systemd's own
// words as context. kDeadlineExceeded and kUnavailable: systemd has not answered; it may have done what was
// asked, or may still do it.
class Systemd {
 public:
  virtual ~Systemd() = default;

  // The first number of the version: 252.
  virtual int version() const = 0;

  // Makes and starts a unit that is gone after its stop, and waits until it has started. kAlreadyExists if a
  // unit has the name, also one that has failed and is kept for that.
  virtual Result<> StartTransientUnit(const std::string& unit, const UnitProperties& properties) = 0;
  // The properties stay until the unit's end.
  virtual Result<> SetUnitProperties(const std::string& unit, const UnitProperties& properties) = 0;
  // Ends the unit's processes and waits until the unit has stopped. kNotFound if there is no such unit.
  virtual Result<> StopUnit(const std::string& unit) = 0;
  // Has systemd forget a unit that has failed. kNotFound if there is no such unit.
  virtual Result<> ResetFailedUnit(const std::string& unit) = 0;
};

}  // namespace davit::cri
