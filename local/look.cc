// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <functional>
#include <stop_token>

#include "cri/service/field_limits.h"
#include "local/local_containers.h"
#include "local/pod_config.h"
#include "local/spec_update.h"
#include "shim/exit_code.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;

constexpr int64_t kAskClientMs = 1'000;
constexpr int64_t kMeasureMs = 2'000;  // for the sizes of a list

// The answer of a call that another thread gives.
class Answer {
 public:
  void Give(Result<v1::ExecSyncResponse> answer) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    answer_ = std::move(answer);
    given_.NotifyAll();
  }
  // Asks the client from time to time whether it is still there.
  Result<v1::ExecSyncResponse> Wait(const std::function<bool()>& gone, std::stop_source& stop)
      EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (!answer_) {
      given_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(kAskClientMs));
      if (!answer_ && !stop.stop_requested() && gone()) stop.request_stop();
    }
    return std::move(*answer_);
  }

 private:
  Mutex mutex_;
  CondVar given_;
  std::optional<Result<v1::ExecSyncResponse>> answer_ GUARDED_BY(mutex_);
};

}  // namespace

void LocalContainers::FillRun(const Run& run, api::ContainerState& state) const {
  cri::Call call = LocalCall(ports_.clock.MonotonicMilliseconds());
  state.set_pid(ports_.runtime.processes().PidOf(run.container_id, call).value_or(0));
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(run.sandbox_id);
  auto answer = ports_.runtime.sandboxes().Status(request, call);
  if (!answer) return;
  if (std::string why = ports_.runtime.sandboxes().WhyFailed(run.sandbox_id, call).value_or("");
      !why.empty() && state.error().empty())
    state.set_error(cri::ToResponseText("its pod has failed, and its program runs on: " + why));
  const v1::PodSandboxNetworkStatus& network = answer->status().network();
  if (!network.ip().empty()) state.add_addresses(network.ip());
  for (const v1::PodIP& more : network.additional_ips()) state.add_addresses(more.ip());
}

api::Container LocalContainers::ToApi(const LocalContainer& container, HealthChecks::Log log) const {
  LocalRecord record = container.record().Get();
  api::Container message;
  message.set_id(record.id);
  message.set_name(record.name);
  *message.mutable_spec() = SpecInForce(container.spec(), record);
  message.set_image_id(record.image_id);
  for (const std::string& word : container.command_line()) message.add_command_line(word);
  message.set_created_at(record.created_at);
  message.set_log_path(DirectoryOf(record.id) + "/" + kLogName);
  for (const VolumeUse& use : container.volumes()) {
    api::MountedVolume& mounted = *message.add_volumes();
    mounted.set_volume(use.volume);
    mounted.set_mountpoint(ports_.volumes.DataOf(use.volume));
    mounted.set_target(use.target);
    mounted.set_read_only(use.read_only);
    mounted.set_anonymous(use.anonymous);
  }
  api::ContainerState& state = *message.mutable_state();
  state.set_status(StatusOf(record));
  state.set_started_at(record.started_at);
  state.set_finished_at(record.finished_at);
  state.set_exit_code(record.exit_code);
  state.set_oom_killed(record.oom_killed);
  const std::string& why = record.error.empty() ? record.obstacle : record.error;
  state.set_error(cri::ToResponseText(container.unreadable().empty() ? why : container.unreadable()));
  state.set_restart_count(record.restart_count);
  state.set_paused(IsRunning(record) && container.paused());
  if (std::optional<api::HealthState> health = health_.StateOf(record.id, log))
    *state.mutable_health() = std::move(*health);
  if (std::optional<Run> run = container.run(); run && IsRunning(record)) FillRun(*run, state);
  return message;
}

Result<api::Container> LocalContainers::Inspect(const std::string& container) const {
  LocalContainerPtr found = TRY(roster_.Find(container));
  return ToApi(*found, HealthChecks::Log::kWith);
}

std::vector<api::Container> LocalContainers::List(bool all, bool size) const {
  std::vector<api::Container> found;
  for (const LocalContainerPtr& container : roster_.All())
    if (all || container->record().Read(IsUp))
      found.push_back(ToApi(*container, HealthChecks::Log::kWithout));
  int64_t deadline_ms = MonotonicMilliseconds() + kMeasureMs;
  for (api::Container& container : found) {
    if (!size) break;
    if (auto reading = ports_.snapshots.RecentContainerUsage(container.id(), deadline_ms))
      container.set_written_bytes(reading->usage.bytes);
  }
  std::ranges::sort(found, std::ranges::greater(), &api::Container::created_at);
  return found;
}

std::vector<cri::ContainerUse> LocalContainers::Uses() const {
  std::vector<cri::ContainerUse> uses;
  for (const LocalContainerPtr& container : roster_.All()) {
    uses.push_back(container->record().Read([](const LocalRecord& r) {
      return cri::ContainerUse{r.id, HasRun(r), {r.image_id}, r.chain_ids, r.name, r.image_id.empty()};
    }));
  }
  return uses;
}

Result<std::unique_ptr<EndWaits::Place>> LocalContainers::BeginWait(
    const std::string& container, api::WaitContainerRequest::Condition condition, EndWaits::Done done) const {
  Result<LocalContainerPtr> named = roster_.Find(container);
  if (!named && named.error().code == Code::kNotFound) {
    if (std::optional<int32_t> exit_code = removed_.Find(container)) {
      done(*exit_code);
      return nullptr;
    }
  }
  return TRY(std::move(named))->BeginWait(condition, std::move(done));
}

Result<std::string> LocalContainers::RunOf(const std::string& container) const {
  LocalContainerPtr found = TRY(roster_.Find(container));
  std::optional<Run> run = found->run();
  TRY(RefusePaused(*found, "reach container"));
  if (run) return run->container_id;
  return Fail(Code::kFailedPrecondition, "find container", found->name(), "it is not running");
}

Result<api::ExecContainerResponse> LocalContainers::Exec(const api::ExecContainerRequest& request,
                                                         int64_t deadline_ms,
                                                         const std::function<bool()>& gone) {
  v1::ExecSyncRequest exec;
  exec.set_container_id(TRY(RunOf(request.container())));
  *exec.mutable_cmd() = request.command();
  cri::Call call = LocalCall(deadline_ms);
  std::stop_source stop;
  auto answer = std::make_shared<Answer>();
  ports_.runtime.execs().RunSync(exec, call, stop.get_token(), [answer](Result<v1::ExecSyncResponse> given) {
    answer->Give(std::move(given));
  });
  Result<v1::ExecSyncResponse> outcome = answer->Wait(gone, stop);
  api::ExecContainerResponse response;
  if (!outcome) {
    std::optional<int32_t> exit_code = shim::ExitCodeOf(outcome.error());
    if (!exit_code) return std::unexpected(AboutContainer(std::move(outcome).error()));
    response.set_exit_code(*exit_code);
    response.set_error(cri::ToResponseText(outcome.error().ToString()));
    return response;
  }
  response.set_exit_code(outcome->exit_code());
  response.set_stdout(std::move(*outcome->mutable_stdout()));
  response.set_stderr(std::move(*outcome->mutable_stderr()));
  return response;
}

}  // namespace davit::local
