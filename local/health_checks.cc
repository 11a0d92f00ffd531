// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/health_checks.h"

#include <utility>

#include "base/guarded.h"
#include "base/time.h"
#include "base/utf8.h"
#include "shim/exit_code.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

// The container ends or was paused: its health cannot be told.
bool SaysNothing(const Error& error) {
  if (shim::ExitCodeOf(error)) return false;
  return error.code == Code::kFailedPrecondition || error.code == Code::kNotFound ||
         error.code == Code::kCancelled;
}

ProbeResult ResultOf(const api::HealthCheck& check, const Result<v1::ExecSyncResponse>& outcome) {
  ProbeResult result;
  if (outcome) {
    result.exit_code = outcome->exit_code();
    result.output = ValidUtf8(outcome->stdout() + outcome->stderr(), kMostProbeOutput);
    return result;
  }
  const Error& error = outcome.error();
  result.exit_code = shim::ExitCodeOf(error).value_or(kNoProbeExit);
  result.output = error.code == Code::kDeadlineExceeded
                      ? "it took longer than " + std::to_string(ProbeTimeoutMs(check)) + " ms, and was killed"
                      : ValidUtf8(error.ToString(), kMostProbeOutput);
  return result;
}

}  // namespace

void HealthChecks::BeginRun(const std::string& id, const std::string& run_id, const api::HealthCheck& check,
                            int64_t run_started_at) {
  if (!IsChecked(check)) return;
  MutexLock lock(mutex_);
  Monitor& monitor = monitors_[id];
  Abandon(monitor);
  monitor = Monitor{run_id, check, run_started_at, Health(), /*active=*/true, 0, nullptr};
  PlanNext(id, monitor);
}

void HealthChecks::EndRun(const std::string& id) {
  MutexLock lock(mutex_);
  auto found = monitors_.find(id);
  if (found == monitors_.end()) return;
  found->second.active = false;
  Abandon(found->second);
}

void HealthChecks::Suspend(const std::string& id) {
  constexpr int64_t kPatienceMs = 2'000;
  int64_t deadline_ms = ports_.clock.MonotonicMilliseconds() + kPatienceMs;
  MutexLock lock(mutex_);
  auto found = monitors_.find(id);
  if (found == monitors_.end()) return;
  found->second.active = false;
  AttemptPtr attempt = found->second.attempt;
  Abandon(found->second);
  while (attempt != nullptr && !attempt->answered)
    if (!ports_.clock.WaitUntil(changed_, mutex_, deadline_ms)) return;
}

void HealthChecks::Resume(const std::string& id) {
  MutexLock lock(mutex_);
  auto found = monitors_.find(id);
  if (found == monitors_.end() || found->second.active) return;
  found->second.active = true;
  PlanNext(id, found->second);
}

void HealthChecks::Forget(const std::string& id) {
  MutexLock lock(mutex_);
  auto found = monitors_.find(id);
  if (found == monitors_.end()) return;
  Abandon(found->second);
  monitors_.erase(found);
}

// The attempt is told apart from the monitor's next one by its address.
void HealthChecks::Abandon(Monitor& monitor) {
  if (AttemptPtr attempt = std::exchange(monitor.attempt, nullptr)) attempt->stop.request_stop();
}

void HealthChecks::PlanNext(const std::string& id, Monitor& monitor) {
  if (ended_ || !monitor.active) return;
  int64_t pause_ms =
      ProbePauseMs(monitor.check, monitor.health, monitor.run_started_at, ports_.clock.UnixNanoseconds());
  monitor.due_ms = ports_.clock.MonotonicMilliseconds() + pause_ms;
  ports_.plan(id, monitor.due_ms);
}

// The timeout is in the kernel's time, as the execs' deadlines.
void HealthChecks::Probe(const std::string& id) {
  v1::ExecSyncRequest request;
  auto attempt = std::make_shared<Attempt>();
  {
    MutexLock lock(mutex_);
    auto found = monitors_.find(id);
    if (ended_ || found == monitors_.end()) return;
    Monitor& monitor = found->second;
    if (!monitor.active || monitor.attempt != nullptr) return;
    if (ports_.clock.MonotonicMilliseconds() < monitor.due_ms) return ports_.plan(id, monitor.due_ms);
    request.set_container_id(monitor.run_id);
    for (std::string& word : ProbeCommand(monitor.check)) request.add_cmd(std::move(word));
    attempt->call.deadline_ms = MonotonicMilliseconds() + ProbeTimeoutMs(monitor.check);
    attempt->call.owner = cri::Owner::kLocal;
    attempt->started_at = ports_.clock.UnixNanoseconds();
    monitor.attempt = attempt;
    ++in_progress_;
  }
  Result<> begun = Guarded("probe", "container", [&]() -> Result<> {
    ports_.execs.RunSync(
        request, attempt->call, attempt->stop.get_token(),
        [this, id, attempt](Result<v1::ExecSyncResponse> outcome) {
          OnOutcome(id, attempt, std::move(outcome));
        },
        kMostProbeOutput);
    return {};
  });
  if (!begun) OnOutcome(id, attempt, std::unexpected(std::move(begun).error()));
}

void HealthChecks::OnOutcome(const std::string& id, const AttemptPtr& attempt,
                             Result<v1::ExecSyncResponse> outcome) {
  std::optional<api::HealthState::Status> status;
  {
    MutexLock lock(mutex_);
    if (std::exchange(attempt->answered, true)) return;
    status = Take(id, attempt, std::move(outcome));
  }
  if (status) RunGuarded("health", [&] { ports_.changed(id, *status); });
  MutexLock lock(mutex_);
  --in_progress_;
  changed_.NotifyAll();
}

std::optional<api::HealthState::Status> HealthChecks::Take(const std::string& id, const AttemptPtr& attempt,
                                                           Result<v1::ExecSyncResponse> outcome) {
  auto found = monitors_.find(id);
  if (found == monitors_.end() || found->second.attempt != attempt) return std::nullopt;
  Monitor& monitor = found->second;
  monitor.attempt = nullptr;
  bool changed = false;
  if (outcome || !SaysNothing(outcome.error())) {
    ProbeResult result = ResultOf(monitor.check, outcome);
    result.started_at = attempt->started_at;
    result.ended_at = ports_.clock.UnixNanoseconds();
    changed = NoteProbe(monitor.check, monitor.run_started_at, std::move(result), monitor.health);
  }
  PlanNext(id, monitor);
  return changed ? std::optional(monitor.health.status) : std::nullopt;
}

std::optional<api::HealthState> HealthChecks::StateOf(const std::string& id, Log log) const {
  MutexLock lock(mutex_);
  auto found = monitors_.find(id);
  if (found == monitors_.end()) return std::nullopt;
  const Health& health = found->second.health;
  api::HealthState state;
  state.set_status(health.status);
  state.set_failing_streak(health.failing_streak);
  if (log == Log::kWithout) return state;
  for (const ProbeResult& result : health.log) {
    api::HealthResult& entry = *state.add_log();
    entry.set_started_at(result.started_at);
    entry.set_ended_at(result.ended_at);
    entry.set_exit_code(result.exit_code);
    entry.set_output(result.output);
  }
  return state;
}

void HealthChecks::End() {
  MutexLock lock(mutex_);
  ended_ = true;
  for (auto& [id, monitor] : monitors_) Abandon(monitor);
  while (in_progress_ > 0) changed_.Wait(mutex_);
}

}  // namespace davit::local
