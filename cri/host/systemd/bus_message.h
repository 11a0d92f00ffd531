// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Messages to systemd's manager and its answers, for sd-bus (sd-bus(3)).
#pragma once

#include <systemd/sd-bus.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "cri/host/systemd/systemd.h"

namespace davit::cri {

constexpr char kSystemdName[] = "org.freedesktop.systemd1";
constexpr char kSystemdPath[] = "/org/freedesktop/systemd1";
constexpr char kManagerInterface[] = "org.freedesktop.systemd1.Manager";

struct MessageUnref {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using BusMessage = std::unique_ptr<sd_bus_message, MessageUnref>;

// A call of the manager. `properties` is for the methods that take them only.
struct ManagerCall {
  std::string method;
  std::string unit;
  UnitProperties properties = {};
};

// The message of the call, for a connection.
Result<BusMessage> MakeMessage(sd_bus* bus, const ManagerCall& call);

// What an answer says: an error of systemd's, or success. The subject is `unit`.
Result<> OutcomeOf(sd_bus_message* answer, const std::string& method, const std::string& unit);

// An error of an sd-bus function, which returns a negative errno.
std::unexpected<Error> BusError(std::string_view function, std::string_view subject, int negative_errno);

}  // namespace davit::cri
