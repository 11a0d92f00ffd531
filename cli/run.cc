// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <array>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/ids.h"
#include "cli/follow.h"
#include "cli/pods.h"
#include "cli/pull.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct StartedPod {
  std::string name;
  std::string pod_id;
  std::string container_id;
};

Result<> PullIfAbsent(const Session& session, const std::string& image) {
  v1::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  auto response = TRY(session.daemon.Call(&ImageStub::ImageStatus, request));
  if (response.has_image()) return {};
  session.console.Remark("pulling " + image);
  TRY(PullShowing(session, image, session.console.err));
  return {};
}

Result<std::string> StartContainerIn(const std::string& pod_id, const Session& session,
                                     const RunConfig& config) {
  v1::CreateContainerRequest create;
  create.set_pod_sandbox_id(pod_id);
  *create.mutable_config() = config.container;
  *create.mutable_sandbox_config() = config.pod;
  auto created = TRY(session.daemon.Call(&RuntimeStub::CreateContainer, create));
  v1::StartContainerRequest start;
  start.set_container_id(created.container_id());
  TRY(session.daemon.Call(&RuntimeStub::StartContainer, start));
  return created.container_id();
}

// The pod runs, or is gone again.
Result<StartedPod> StartPod(const Session& session, const RunConfig& config) {
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = config.pod;
  auto sandbox = TRY(session.daemon.Call(&RuntimeStub::RunPodSandbox, request));
  Result<std::string> container_id = StartContainerIn(sandbox.pod_sandbox_id(), session, config);
  if (!container_id) {
    if (Result<> removed = RemovePod(session, sandbox.pod_sandbox_id()); !removed) {
      session.console.Remark("the pod remains: " + removed.error().ToString());
    }
    return std::unexpected(container_id.error());
  }
  return StartedPod{config.pod.metadata().name(), sandbox.pod_sandbox_id(), *container_id};
}

Result<> TellStarted(const Console& console, const StartedPod& pod) {
  if (console.format == OutputFormat::kTable) return console.Print(pod.container_id + "\n");
  return console.PrintJson({{"id", pod.container_id}, {"podId", pod.pod_id}, {"name", pod.name}});
}

// Ctrl-C once asks the workload to end, twice ends it, and a third time leaves it to its fate. The log goes
// on meanwhile.
class StopOnInterrupt {
 public:
  StopOnInterrupt(const Session& session, std::string container_id)
      : session_(session), container_id_(std::move(container_id)) {}

  OnInterrupt operator()() {
    if (count_ == stops_.size()) return OnInterrupt::kLeave;
    int64_t grace_seconds = count_ == 0 ? StopOptions().grace_seconds : 0;
    stops_[count_++] = std::jthread([this, grace_seconds] {
      Result<> stopped = StopContainer(session_, container_id_, grace_seconds);
      if (!stopped) session_.console.Remark(stopped.error().ToString());
    });
    return OnInterrupt::kGoOn;
  }

 private:
  const Session& session_;
  std::string container_id_;
  size_t count_ = 0;
  std::array<std::jthread, 2> stops_;
};

Result<int> RunInForeground(const Session& session, const std::string& container_id) {
  StopOnInterrupt stop(session, container_id);
  auto ended = TRY(FollowContainer(session, container_id, [&stop] { return stop(); }));
  return ended ? ended->exit_code() : kInterrupted;
}

}  // namespace

Result<int> Perform(const Session& session, const RunOptions& options) {
  RunConfig config = TRY(BuildRunConfig(options, TRY(NewId())));
  TRY(PullIfAbsent(session, options.image));
  StartedPod pod = TRY(StartPod(session, config));
  if (options.detach) {
    TRY(TellStarted(session.console, pod));
    return 0;
  }
  Result<int> status = RunInForeground(session, pod.container_id);
  // Its address and its host ports are free again in any case.
  Result<> ended = options.remove ? RemovePod(session, pod.pod_id) : StopPod(session, pod.pod_id);
  if (!ended) session.console.Remark(ended.error().ToString());
  return status;
}

}  // namespace davit::cli
