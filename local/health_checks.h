// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Runs the health checks of running containers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "cri/runtime/execs.h"
#include "local/health.h"

namespace davit::local {

// A container has one probe at a time, which holds a thread while it is handed to the shim and for 100 ms
// after that; so one that hangs holds up no other. States and results are in memory only. Thread-safe.
// Containers are named by their ids.
class HealthChecks {
 public:
  // All must outlive the object, and work until End.
  struct Ports {
    cri::Execs& execs;
    const Clock& clock;
    // Has Probe called at this time (MonotonicMilliseconds of the clock), or later, on a thread that may
    // wait.
    std::function<void(const std::string& id, int64_t at_ms)> plan;
    // Hears of each change of a status, on the thread that makes it.
    std::function<void(const std::string& id, api::HealthState::Status status)> changed;
  };
  explicit HealthChecks(Ports ports) : ports_(std::move(ports)) {}
  ~HealthChecks() { End(); }
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  // A run of the container has started, or was taken over from the daemon before; it is "starting" now.
  // `run_id` is the runtime's id of the container. Does nothing without a check.
  void BeginRun(const std::string& id, const std::string& run_id, const api::HealthCheck& check,
                int64_t run_started_at) EXCLUDES(mutex_);
  // The run has ended: no result of it counts any more. Its state can still be read.
  void EndRun(const std::string& id) EXCLUDES(mutex_);
  // No probe begins between these two, and Suspend waits for the end of one in progress, which it kills, for
  // at most two seconds.
  void Suspend(const std::string& id) EXCLUDES(mutex_);
  void Resume(const std::string& id) EXCLUDES(mutex_);
  // The container is removed.
  void Forget(const std::string& id) EXCLUDES(mutex_);

  // Starts the probe that is due, if one is.
  void Probe(const std::string& id) EXCLUDES(mutex_);

  enum class Log : uint8_t { kWithout, kWith };
  // nullopt for a container without a check, or without a run since the daemon started.
  std::optional<api::HealthState> StateOf(const std::string& id, Log log) const EXCLUDES(mutex_);

  // Kills the probes in progress and waits for their ends; none begins afterwards. Idempotent.
  void End() EXCLUDES(mutex_);

 private:
  struct Attempt {  // a probe in progress
    cri::Call call;
    std::stop_source stop;
    int64_t started_at = 0;
    bool answered = false;
  };
  using AttemptPtr = std::shared_ptr<Attempt>;
  struct Monitor {
    std::string run_id;
    api::HealthCheck check;
    int64_t run_started_at = 0;
    Health health;
    bool active = true;  // the run goes on, and is not suspended
    int64_t due_ms = 0;
    AttemptPtr attempt;  // may be null
  };

  void PlanNext(const std::string& id, Monitor& monitor) REQUIRES(mutex_);
  static void Abandon(Monitor& monitor);
  void OnOutcome(const std::string& id, const AttemptPtr& attempt,
                 Result<::runtime::v1::ExecSyncResponse> outcome) EXCLUDES(mutex_);
  // Returns the new status if it has changed.
  std::optional<api::HealthState::Status> Take(const std::string& id, const AttemptPtr& attempt,
                                               Result<::runtime::v1::ExecSyncResponse> outcome)
      REQUIRES(mutex_);

  const Ports ports_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Monitor> monitors_ GUARDED_BY(mutex_);
  size_t in_progress_ GUARDED_BY(mutex_) = 0;  // attempts whose outcome is to come
  bool ended_ GUARDED_BY(mutex_) = false;
};

}  // namespace davit::local
