// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/systemd_bus.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/guarded.h"

namespace davit::cri {
namespace {

// Older ones lack properties: CPUQuotaPeriodUSec, AllowedCPUs (systemd.resource-control(5)).
constexpr int kOldestVersion = 244;

using std::chrono::microseconds;
using std::chrono::milliseconds;

timespec Timespec(SystemdBus::Clock::duration duration) {
  auto left = std::max(duration, SystemdBus::Clock::duration::zero());
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
}

}  // namespace

Result<std::unique_ptr<SystemdBus>> SystemdBus::Open(Options options) {
  std::unique_ptr<SystemdBus> bus(new SystemdBus(std::move(options)));
  bus->wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bus->wake_) return SystemError("eventfd", "systemd bus");
  try {
    bus->thread_ = std::thread(&SystemdBus::Loop, bus.get());
  } catch (const std::system_error& error) {
    return SystemError("start thread", "systemd bus", error.code().value());
  }
  TRY(bus->ReadVersion());
  return bus;
}

SystemdBus::~SystemdBus() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  if (thread_.joinable()) thread_.join();
}

Result<> SystemdBus::ReadVersion() {
  ManagerCall query{.method = BusConnection::kVersion, .unit = ""};
  std::string text = TRY(Ask(std::move(query), options_.open_patience));
  // "252.39-1~deb12u2", "v245"
  const char* begin = text.c_str() + (text.starts_with('v') ? 1 : 0);
  auto parsed = std::from_chars(begin, text.c_str() + text.size(), version_);
  if (parsed.ec != std::errc()) return Fail(Code::kInternal, "read version of systemd", text, "no number");
  if (version_ >= kOldestVersion) return {};
  return Fail(Code::kUnimplemented, "use systemd", text,
              "version " + std::to_string(kOldestVersion) + " or a later one is needed");
}

Result<> SystemdBus::StartTransientUnit(const std::string& unit, const UnitProperties& properties) {
  return Run({"StartTransientUnit", unit, properties});
}

Result<> SystemdBus::SetUnitProperties(const std::string& unit, const UnitProperties& properties) {
  return Run({"SetUnitProperties", unit, properties});
}

Result<> SystemdBus::StopUnit(const std::string& unit) {
  return Run({"StopUnit", unit});
}

Result<> SystemdBus::ResetFailedUnit(const std::string& unit) {
  return Run({"ResetFailedUnit", unit});
}

Result<> SystemdBus::Run(ManagerCall call) {
  TRY(Ask(std::move(call), PatienceNow()));
  return {};
}

milliseconds SystemdBus::PatienceNow() {
  MutexLock lock(mutex_);
  return silent_ ? options_.less_patience : options_.patience;
}

Result<std::string> SystemdBus::Ask(ManagerCall call, milliseconds patience) {
  auto request = std::make_shared<Request>();
  request->call = std::move(call);
  MutexLock lock(mutex_);
  request->heard_before = heard_;
  const Clock::time_point deadline = Clock::now() + patience;
  queue_.push_back(request);
  Wake();
  while (!request->outcome) {
    if (!settled_.WaitUntil(mutex_, deadline) && !request->outcome) return Abandon(*request, patience);
  }
  return std::move(*request->outcome);
}

Result<std::string> SystemdBus::Abandon(Request& request, milliseconds waited) {
  request.abandoned = true;
  silent_ = heard_ == request.heard_before;
  if (request.last_error) return std::unexpected(*request.last_error);
  return Fail(Code::kDeadlineExceeded, "systemd: " + request.call.method, request.call.unit,
              "no answer for " + std::to_string(waited.count()) + " ms");
}

void SystemdBus::Wake() const {
  [[maybe_unused]] int failed = eventfd_write(wake_.get(), 1);  // EAGAIN: it is readable already
}

void SystemdBus::Loop() {
  while (!Stopping()) RunGuarded("systemd bus", [this] { Turn(); });
  connection_.reset();
}

bool SystemdBus::Stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

void SystemdBus::Turn() {
  if (Clock::now() >= next_attempt_) SendQueued();
  Process();
  Wait();
}

void SystemdBus::SendQueued() {
  std::deque<RequestPtr> queued;
  {
    MutexLock lock(mutex_);
    queued.swap(queue_);
    std::erase_if(queued, [](const RequestPtr& request) { return request->abandoned; });
  }
  for (const RequestPtr& request : queued) {
    Result<> sent = Send(request);
    if (!sent) OnOutcome(request, std::unexpected(std::move(sent).error()));
  }
}

Result<> SystemdBus::Send(const RequestPtr& request) {
  if (connection_ == nullptr)
    connection_ = TRY(BusConnection::Open(options_.addresses, [this] { OnHeard(); }));
  return connection_->Send(request->call, [this, request](Result<std::string> outcome) {
    OnOutcome(request, std::move(outcome));
  });
}

void SystemdBus::OnHeard() {
  MutexLock lock(mutex_);
  ++heard_;
  silent_ = false;
}

void SystemdBus::OnOutcome(const RequestPtr& request, Result<std::string> outcome) {
  if (!outcome && outcome.error().code == Code::kUnavailable)
    return Retry(request, std::move(outcome).error());
  backoff_.Reset();
  MutexLock lock(mutex_);
  request->outcome = std::move(outcome);
  settled_.NotifyAll();
}

void SystemdBus::Retry(const RequestPtr& request, Error error) {
  // Calls that fail together are one failure.
  if (Clock::time_point now = Clock::now(); next_attempt_ <= now) next_attempt_ = now + backoff_.Next();
  MutexLock lock(mutex_);
  request->last_error = std::move(error);
  if (!request->abandoned) queue_.push_back(request);
}

void SystemdBus::Process() {
  if (connection_ == nullptr || connection_->Process()) return;
  // Its end has all calls in progress repeated. The error would say no more than theirs do.
  std::unique_ptr<BusConnection> lost = std::move(connection_);
}

void SystemdBus::Wait() {
  std::optional<Clock::time_point> next = NextTurn();
  timespec timeout = next ? Timespec(*next - Clock::now()) : timespec{};
  pollfd waits[2] = {{wake_.get(), POLLIN, 0}, {-1, 0, 0}};
  if (connection_ != nullptr) waits[1] = {connection_->fd(), connection_->events(), 0};
  ppoll(waits, 2, next ? &timeout : nullptr, nullptr);
  eventfd_t woken = 0;
  if (waits[0].revents != 0) [[maybe_unused]]
    int failed = eventfd_read(wake_.get(), &woken);
}

std::optional<SystemdBus::Clock::time_point> SystemdBus::NextTurn() {
  std::optional<Clock::time_point> next;
  if (connection_ != nullptr) {
    // steady_clock is CLOCK_MONOTONIC.
    uint64_t deadline = connection_->deadline_us();
    if (deadline != UINT64_MAX) next = Clock::time_point(microseconds(deadline));
  }
  MutexLock lock(mutex_);
  if (!queue_.empty()) next = std::min(next.value_or(Clock::time_point::max()), next_attempt_);
  return next;
}

}  // namespace davit::cri
