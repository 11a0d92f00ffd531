// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The port Systemd over D-Bus.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/host/systemd/bus_connection.h"
#include "cri/host/systemd/systemd.h"

namespace davit::cri {

// Has one connection, and a thread that reads from it all the time. Calls of several threads are in progress
// at once. A connection that is lost is made again for the next call, and calls that were in progress are
// repeated until their time is over: so they can find done what they ask for (kAlreadyExists, kNotFound).
class SystemdBus final : public Systemd {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    // systemd's own socket first: it needs no bus daemon, which would add its time to each call and may be
    // restarted. Only root may use it.
    std::vector<BusAddress> addresses = {{"unix:path=/run/systemd/private", /*is_bus=*/false},
                                         {"unix:path=/run/dbus/system_bus_socket", /*is_bus=*/true}};
    // How long Open may take, a call, and a call while systemd is silent: it has sent nothing since a call
    // that got no answer.
    std::chrono::milliseconds open_patience{25'000};
    std::chrono::milliseconds patience{25'000};
    std::chrono::milliseconds less_patience{2'000};
  };

  // Connects, and asks for the version.
  static Result<std::unique_ptr<SystemdBus>> Open(Options options);
  // No call may be in progress.
  ~SystemdBus() override;

  int version() const override { return version_; }
  Result<> StartTransientUnit(const std::string& unit, const UnitProperties& properties) override;
  Result<> SetUnitProperties(const std::string& unit, const UnitProperties& properties) override;
  Result<> StopUnit(const std::string& unit) override;
  Result<> ResetFailedUnit(const std::string& unit) override;

 private:
  struct Request {
    ManagerCall call;
    std::optional<Result<std::string>> outcome;
    std::optional<Error> last_error;  // of an attempt; the next one follows
    bool abandoned = false;           // nobody waits for it any more
    uint64_t heard_before = 0;        // heard_ when the call began
  };
  using RequestPtr = std::shared_ptr<Request>;

  explicit SystemdBus(Options options) : options_(std::move(options)) {}
  Result<> ReadVersion();
  Result<> Run(ManagerCall call);
  Result<std::string> Ask(ManagerCall call, std::chrono::milliseconds patience) EXCLUDES(mutex_);
  Result<std::string> Abandon(Request& request, std::chrono::milliseconds waited) REQUIRES(mutex_);
  std::chrono::milliseconds PatienceNow() EXCLUDES(mutex_);
  void Wake() const;

  // The following are for the thread.
  void Loop() EXCLUDES(mutex_);
  void Turn() EXCLUDES(mutex_);
  bool Stopping() EXCLUDES(mutex_);
  void SendQueued() EXCLUDES(mutex_);
  Result<> Send(const RequestPtr& request) EXCLUDES(mutex_);
  void OnHeard() EXCLUDES(mutex_);
  void OnOutcome(const RequestPtr& request, Result<std::string> outcome) EXCLUDES(mutex_);
  void Retry(const RequestPtr& request, Error error) EXCLUDES(mutex_);
  void Process() EXCLUDES(mutex_);
  void Wait() EXCLUDES(mutex_);
  // When the thread has to act at the latest, without an event.
  std::optional<Clock::time_point> NextTurn() EXCLUDES(mutex_);

  const Options options_;
  int version_ = 0;
  UniqueFd wake_;  // eventfd
  // The thread's.
  std::unique_ptr<BusConnection> connection_;
  Backoff backoff_{std::chrono::milliseconds(10), std::chrono::milliseconds(1'000)};
  Clock::time_point next_attempt_;  // nothing is sent before

  Mutex mutex_;
  CondVar settled_;
  std::deque<RequestPtr> queue_ GUARDED_BY(mutex_);
  uint64_t heard_ GUARDED_BY(mutex_) = 0;  // how often messages have arrived
  bool silent_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace davit::cri
