// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/bus_message.h"

#include <array>
#include <string_view>
#include <type_traits>

namespace davit::cri {
namespace {

// Each function returns a negative errno on failure, as those of sd-bus do.
int AppendStrings(sd_bus_message* message, const std::vector<std::string>& strings) {
  int result = sd_bus_message_open_container(message, 'a', "s");
  for (size_t i = 0; result >= 0 && i < strings.size(); ++i)
    result = sd_bus_message_append_basic(message, 's', strings[i].c_str());
  return result < 0 ? result : sd_bus_message_close_container(message);
}

int AppendPairs(sd_bus_message* message, const UnitProperty::StringPairs& pairs) {
  int result = sd_bus_message_open_container(message, 'a', "(ss)");
  for (size_t i = 0; result >= 0 && i < pairs.size(); ++i)
    result = sd_bus_message_append(message, "(ss)", pairs[i].first.c_str(), pairs[i].second.c_str());
  return result < 0 ? result : sd_bus_message_close_container(message);
}

struct Appender {
  sd_bus_message* message;

  static const char* TypeOf(const UnitProperty::Value& value) {
    static constexpr std::array<const char*, 7> kTypes = {"b", "t", "s", "as", "ay", "au", "a(ss)"};
    static_assert(std::variant_size_v<UnitProperty::Value> == kTypes.size());
    return kTypes[value.index()];
  }

  int operator()(bool value) const {
    int as_int = value ? 1 : 0;
    return sd_bus_message_append_basic(message, 'b', &as_int);
  }
  int operator()(uint64_t value) const { return sd_bus_message_append_basic(message, 't', &value); }
  int operator()(const std::string& value) const {
    return sd_bus_message_append_basic(message, 's', value.c_str());
  }
  int operator()(const std::vector<std::string>& value) const { return AppendStrings(message, value); }
  int operator()(const std::vector<uint8_t>& value) const {
    return sd_bus_message_append_array(message, 'y', value.data(), value.size());
  }
  int operator()(const std::vector<uint32_t>& value) const {
    return sd_bus_message_append_array(message, 'u', value.data(), value.size() * sizeof(uint32_t));
  }
  int operator()(const UnitProperty::StringPairs& value) const { return AppendPairs(message, value); }
};

int AppendProperty(sd_bus_message* message, const UnitProperty& property) {
  int result = sd_bus_message_open_container(message, 'r', "sv");
  if (result >= 0) result = sd_bus_message_append_basic(message, 's', property.name.c_str());
  if (result >= 0) result = sd_bus_message_open_container(message, 'v', Appender::TypeOf(property.value));
  if (result >= 0) result = std::visit(Appender{message}, property.value);
  if (result >= 0) result = sd_bus_message_close_container(message);
  return result < 0 ? result : sd_bus_message_close_container(message);
}

int AppendProperties(sd_bus_message* message, const UnitProperties& properties) {
  int result = sd_bus_message_open_container(message, 'a', "(sv)");
  for (size_t i = 0; result >= 0 && i < properties.size(); ++i)
    result = AppendProperty(message, properties[i]);
  return result < 0 ? result : sd_bus_message_close_container(message);
}

int AppendArguments(sd_bus_message* message, const ManagerCall& call) {
  if (call.method == "Subscribe") return 0;
  int result = sd_bus_message_append_basic(message, 's', call.unit.c_str());
  if (result < 0 || call.method == "ResetFailedUnit") return result;
  if (call.method == "SetUnitProperties") {
    int runtime_only = 1;
    result = sd_bus_message_append_basic(message, 'b', &runtime_only);
    return result < 0 ? result : AppendProperties(message, call.properties);
  }
  // The job's mode: it replaces one that waits (systemctl(1), --job-mode).
  result = sd_bus_message_append_basic(message, 's', "replace");
  if (result < 0 || call.method == "StopUnit") return result;
  result = AppendProperties(message, call.properties);
  return result < 0 ? result : sd_bus_message_append(message, "a(sa(sv))", 0);  // no further units
}

Code CodeOfBusError(std::string_view name) {
  struct Row {
    std::string_view name;
    Code code;
  };
  static constexpr Row kRows[] = {
      {"org.freedesktop.systemd1.UnitExists", Code::kAlreadyExists},
      {"org.freedesktop.systemd1.NoSuchUnit", Code::kNotFound},
      {"org.freedesktop.DBus.Error.AccessDenied", Code::kPermissionDenied},
      {"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Code::kPermissionDenied},
      {"org.freedesktop.DBus.Error.InvalidArgs", Code::kInvalidArgument},
      {"org.freedesktop.DBus.Error.UnknownProperty", Code::kUnimplemented},
      {"org.freedesktop.DBus.Error.PropertyReadOnly", Code::kUnimplemented},
      // systemd is not connected to the bus, or has lost its connection.
      {"org.freedesktop.DBus.Error.ServiceUnknown", Code::kUnavailable},
      {"org.freedesktop.DBus.Error.NameHasNoOwner", Code::kUnavailable},
      {"org.freedesktop.DBus.Error.Disconnected", Code::kUnavailable},
      {"org.freedesktop.DBus.Error.NoReply", Code::kUnavailable},
      {"org.freedesktop.DBus.Error.Timeout", Code::kUnavailable},
      {"org.freedesktop.DBus.Error.TimedOut", Code::kUnavailable},
  };
  for (const Row& row : kRows) {
    if (row.name == name) return row.code;
  }
  return name.starts_with("org.freedesktop.DBus.Error.Spawn.") ? Code::kUnavailable : Code::kInternal;
}

}  // namespace

std::unexpected<Error> BusError(std::string_view function, std::string_view subject, int negative_errno) {
  return SystemError(function, subject, -negative_errno);
}

Result<BusMessage> MakeMessage(sd_bus* bus, const ManagerCall& call) {
  sd_bus_message* made = nullptr;
  int result = sd_bus_message_new_method_call(bus, &made, kSystemdName, kSystemdPath, kManagerInterface,
                                              call.method.c_str());
  BusMessage message(made);
  if (result >= 0) result = AppendArguments(message.get(), call);
  if (result < 0) return BusError("make message " + call.method, call.unit, result);
  return message;
}

Result<> OutcomeOf(sd_bus_message* answer, const std::string& method, const std::string& unit) {
  const sd_bus_error* error = sd_bus_message_get_error(answer);
  if (error == nullptr) return {};
  std::string name = error->name == nullptr ? "" : error->name;
  std::string text = error->message == nullptr ? "" : error->message;
  return Fail(CodeOfBusError(name), "systemd: " + method, unit, name + ": " + text);
}

}  // namespace davit::cri
