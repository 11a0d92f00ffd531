// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/bus_connection.h"

#include <algorithm>
#include <utility>

#include "base/guarded.h"

namespace davit::cri {
namespace {

constexpr char kSubscribe[] = "Subscribe";
// Of systemd's name only: that of another client changes with each of its connections.
constexpr char kOwnerChanges[] =
    "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
    "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'";
// A longer one than callers wait: an answer that is late is better than none.
constexpr uint64_t kAnswerTimeoutUs = 90'000'000;

std::string Text(const char* text) {
  return text == nullptr ? "" : text;
}

// No exception may pass through the C code of sd-bus.
template <typename Work>
int Called(Work&& work) {
  RunGuarded("systemd bus", work);
  return 0;
}

Result<BusMessage> MakeVersionQuery(sd_bus* bus) {
  sd_bus_message* made = nullptr;
  int result = sd_bus_message_new_method_call(bus, &made, kSystemdName, kSystemdPath,
                                              "org.freedesktop.DBus.Properties", "Get");
  BusMessage message(made);
  if (result >= 0)
    result = sd_bus_message_append(message.get(), "ss", kManagerInterface, BusConnection::kVersion);
  if (result < 0) return BusError("make message", "version", result);
  return message;
}

Result<std::string> ReadVersion(sd_bus_message* answer) {
  const char* version = nullptr;
  int result = sd_bus_message_read(answer, "v", "s", &version);
  if (result < 0) return BusError("read answer", "version", result);
  return Text(version);
}

Result<std::string> ReadJob(sd_bus_message* answer, const std::string& method) {
  const char* job = nullptr;
  int result = sd_bus_message_read(answer, "o", &job);
  if (result < 0) return BusError("read answer", method, result);
  return Text(job);
}

// Whatever the reason: another connection may work.
std::unexpected<Error> Lost(std::unexpected<Error> error) {
  error.error().code = Code::kUnavailable;
  return error;
}

bool StartsJob(const std::string& method) {
  return method == "StartTransientUnit" || method == "StopUnit";
}

}  // namespace

Result<std::unique_ptr<BusConnection>> BusConnection::Open(const std::vector<BusAddress>& addresses,
                                                           const std::function<void()>& on_heard) {
  Result<> connected = Fail(Code::kInternal, "connect to systemd", "", "no address is configured");
  for (const BusAddress& address : addresses) {
    std::unique_ptr<BusConnection> connection(new BusConnection(on_heard));
    connected = connection->Connect(address);
    if (connected) return connection;
  }
  return Lost(std::unexpected(std::move(connected).error()));
}

BusConnection::~BusConnection() {
  bus_.reset();
  Error lost{Code::kUnavailable, 0, "systemd", "", "the connection was lost"};
  while (!pending_.empty()) {
    Pending& pending = *pending_.begin()->second;
    lost.step = "systemd: " + pending.method;
    lost.subject = pending.unit;
    Finish(pending, std::unexpected(lost));
  }
}

Result<> BusConnection::Connect(const BusAddress& address) {
  sd_bus* made = nullptr;
  if (int result = sd_bus_new(&made); result < 0) return BusError("sd_bus_new", "", result);
  bus_.reset(made);
  int result = sd_bus_set_address(made, address.address.c_str());
  if (result >= 0) result = sd_bus_set_bus_client(made, address.is_bus ? 1 : 0);
  if (result >= 0) result = sd_bus_start(made);
  if (result < 0) return BusError("connect to systemd", address.address, result);
  return AskForSignals(address);
}

// Without a bus, systemd sends all of its signals to every connection.
Result<> BusConnection::AskForSignals(const BusAddress& address) {
  auto on_job_removed = [](sd_bus_message* signal, void* self, sd_bus_error*) {
    return Called([=] { static_cast<BusConnection*>(self)->OnJobRemoved(signal); });
  };
  int result = sd_bus_match_signal_async(bus_.get(), nullptr, address.is_bus ? kSystemdName : nullptr,
                                         kSystemdPath, kManagerInterface, "JobRemoved", on_job_removed,
                                         /*install_callback=*/nullptr, this);
  if (result < 0) return BusError("match signals", address.address, result);
  if (!address.is_bus) return {};
  auto on_owner_changed = [](sd_bus_message* signal, void* self, sd_bus_error*) {
    return Called([=] { static_cast<BusConnection*>(self)->OnOwnerChanged(signal); });
  };
  result = sd_bus_add_match_async(bus_.get(), nullptr, kOwnerChanges, on_owner_changed,
                                  /*install_callback=*/nullptr, this);
  if (result < 0) return BusError("match signals", address.address, result);
  BusMessage subscribe = TRY(MakeMessage(bus_.get(), {.method = kSubscribe, .unit = ""}));
  result = sd_bus_send(bus_.get(), subscribe.get(), nullptr);
  return result < 0 ? BusError("subscribe", address.address, result) : Result<>();
}

Result<> BusConnection::Send(const ManagerCall& call, Done done) {
  BusMessage message =
      TRY(call.method == kVersion ? MakeVersionQuery(bus_.get()) : MakeMessage(bus_.get(), call));
  auto pending = std::make_unique<Pending>(this, call.method, call.unit, std::move(done));
  auto on_answer = [](sd_bus_message* answer, void* userdata, sd_bus_error*) {
    auto* answered = static_cast<Pending*>(userdata);
    return Called([=] { answered->connection->OnAnswer(*answered, answer); });
  };
  // Without a slot, the call belongs to the bus, which ends before pending_ does.
  int result =
      sd_bus_call_async(bus_.get(), nullptr, message.get(), on_answer, pending.get(), kAnswerTimeoutUs);
  if (result < 0) return Lost(BusError("systemd: " + call.method, call.unit, result));
  pending_.emplace(pending.get(), std::move(pending));
  return {};
}

Result<> BusConnection::Process() {
  while (true) {
    int result = sd_bus_process(bus_.get(), nullptr);
    if (restarted_) return Fail(Code::kUnavailable, "connection to systemd", "", "systemd was restarted");
    if (result == 0) return {};
    if (result < 0) return Lost(BusError("connection to systemd", "", result));
    if (sd_bus_is_open(bus_.get()) <= 0)
      return Fail(Code::kUnavailable, "connection to systemd", "", "it was closed");
  }
}

short BusConnection::events() const {
  return static_cast<short>(std::max(sd_bus_get_events(bus_.get()), 0));
}

uint64_t BusConnection::deadline_us() const {
  uint64_t deadline = UINT64_MAX;
  return sd_bus_get_timeout(bus_.get(), &deadline) < 0 ? UINT64_MAX : deadline;
}

void BusConnection::OnAnswer(Pending& pending, sd_bus_message* answer) {
  on_heard_();
  Result<> outcome = OutcomeOf(answer, pending.method, pending.unit);
  if (!outcome) return Finish(pending, std::unexpected(std::move(outcome).error()));
  if (pending.method == kVersion) return Finish(pending, ReadVersion(answer));
  if (!StartsJob(pending.method)) return Finish(pending, "");
  Result<std::string> job = ReadJob(answer, pending.method);
  if (!job) return Finish(pending, std::unexpected(std::move(job).error()));
  pending.job = std::move(*job);
  pending.sender = Text(sd_bus_message_get_sender(answer));
}

// Everybody may send signals on a bus: only the sender of the answer knows when its job has ended.
void BusConnection::OnJobRemoved(sd_bus_message* signal) {
  on_heard_();
  uint32_t id = 0;
  const char *job = nullptr, *unit = nullptr, *result = nullptr;
  if (sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) < 0) return;
  std::string sender = Text(sd_bus_message_get_sender(signal));
  auto found = std::ranges::find_if(pending_, [&](const auto& entry) {
    return entry.second->job == job && entry.second->sender == sender;
  });
  if (found == pending_.end()) return;
  Pending& pending = *found->second;
  if (std::string_view(result) == "done") return Finish(pending, "");
  Finish(pending, Fail(Code::kFailedPrecondition, "systemd: " + pending.method, pending.unit,
                       "its job ended with \"" + std::string(result) + '"'));
}

// The ends of jobs would come from another sender. One that has just come did not get Subscribe.
void BusConnection::OnOwnerChanged(sd_bus_message* signal) {
  const char *name = nullptr, *before = nullptr, *after = nullptr;
  if (sd_bus_message_read(signal, "sss", &name, &before, &after) < 0) return;
  if (std::string_view(name) == kSystemdName) restarted_ = true;
}

void BusConnection::Finish(Pending& pending, Result<std::string> outcome) {
  auto node = pending_.extract(&pending);
  node.mapped()->done(std::move(outcome));
}

}  // namespace davit::cri
