// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CRI verbs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "cri/config/config.h"
#include "cri/host/apparmor/apparmor.h"
#include "cri/host/cdi/registry.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/seccomp/compiler.h"
#include "cri/host/selinux/levels.h"
#include "cri/host/selinux/selinux.h"
#include "cri/network/pod_network.h"
#include "cri/pods/event_feed.h"
#include "cri/pods/name_table.h"
#include "cri/pods/pod_table.h"
#include "cri/records/records.h"
#include "cri/runtime/call.h"
#include "cri/runtime/life_stage.h"
#include "cri/runtime/resources.h"
#include "cri/runtime/shim_reserve.h"
#include "cri/runtime/start_frame.h"
#include "cri/shims/shim_launcher.h"
#include "cri/spec/container_plan.h"
#include "cri/spec/selinux.h"
#include "images/image_store.h"
#include "snapshotter/snapshotter.h"
#include "streaming/targets.h"

namespace davit {

namespace v1 = ::runtime::v1;

// What the verbs work with. main() makes it all; it outlives the Runtime.
struct Host {
  const Config& config;
  const Logger& log;
  Records& records;
  Snapshotter& snapshotter;
  ImageStore& images;
  const CgroupHost& cgroups;
  PodNetwork& network;
  SeccompCompiler& seccomp;
  AppArmor& apparmor;
  const SeLinux& selinux;
  ShimLauncher& shims;
  Reactor& reactor;
  HostFacts facts;
  cdi::Registry cdi;
};

// One method per RPC, in the file named after it. Thread-safe: any number of calls at a time. No pod has a
// lock that is held across an operation: phases change atomically in the records, and whoever finds the wrong
// phase gets an error or waits for the right one until its deadline. So Status, List and Stop answer whatever
// else hangs.
class Runtime final : public StreamTargets {
 public:
  explicit Runtime(Host host);
  // Leaves every pod running.
  ~Runtime() override;

  // Reads the records, meets the shims, and makes memory, disk and kernel agree. Called once, before serving.
  Result<> Recover();

  Result<v1::RunPodSandboxResponse> RunPodSandbox(const v1::RunPodSandboxRequest& request, Call& call);
  Result<v1::StopPodSandboxResponse> StopPodSandbox(const v1::StopPodSandboxRequest& request, Call& call);
  Result<v1::RemovePodSandboxResponse> RemovePodSandbox(const v1::RemovePodSandboxRequest& request,
                                                        Call& call);
  Result<v1::PodSandboxStatusResponse> PodSandboxStatus(const v1::PodSandboxStatusRequest& request,
                                                        Call& call);
  Result<std::vector<v1::PodSandbox>> ListPodSandbox(const v1::PodSandboxFilter& filter);
  Result<v1::UpdatePodSandboxResourcesResponse> UpdatePodSandboxResources(
      const v1::UpdatePodSandboxResourcesRequest& request, Call& call);

  Result<v1::CreateContainerResponse> CreateContainer(const v1::CreateContainerRequest& request, Call& call);
  Result<v1::StartContainerResponse> StartContainer(const v1::StartContainerRequest& request, Call& call);
  Result<v1::StopContainerResponse> StopContainer(const v1::StopContainerRequest& request, Call& call);
  Result<v1::RemoveContainerResponse> RemoveContainer(const v1::RemoveContainerRequest& request, Call& call);
  Result<v1::ContainerStatusResponse> ContainerStatus(const v1::ContainerStatusRequest& request, Call& call);
  Result<std::vector<v1::Container>> ListContainers(const v1::ContainerFilter& filter);
  Result<v1::UpdateContainerResourcesResponse> UpdateContainerResources(
      const v1::UpdateContainerResourcesRequest& request, Call& call);
  Result<v1::ReopenContainerLogResponse> ReopenContainerLog(const v1::ReopenContainerLogRequest& request,
                                                            Call& call);
  Result<v1::ExecSyncResponse> ExecSync(const v1::ExecSyncRequest& request, Call& call);

  Result<v1::ContainerStatsResponse> ContainerStats(const v1::ContainerStatsRequest& request, Call& call);
  // Of what runs. What ends meanwhile is left out.
  Result<std::vector<v1::ContainerStats>> ListContainerStats(const v1::ContainerStatsFilter& filter);
  Result<v1::PodSandboxStatsResponse> PodSandboxStats(const v1::PodSandboxStatsRequest& request, Call& call);
  // Of what is ready. What ends meanwhile is left out.
  Result<std::vector<v1::PodSandboxStats>> ListPodSandboxStats(const v1::PodSandboxStatsFilter& filter);

  // Of what is ready, with its running containers, in the terms of cri/stats/metrics.h.
  Result<std::vector<v1::PodSandboxMetrics>> ListPodSandboxMetrics();

  // What happens to pods from now on; `cut_off` as in event_feed.h.
  std::unique_ptr<EventFeed::Watcher> WatchEvents(std::function<void()> cut_off);
  // Ends all watching, before the daemon stops to serve.
  void EndWatching();

  // Exec, Attach and PortForward: what is to be done when the client comes to the streaming server.
  Result<ExecOrder> OrderExec(const v1::ExecRequest& request);
  Result<AttachOrder> OrderAttach(const v1::AttachRequest& request);
  Result<ForwardOrder> OrderPortForward(const v1::PortForwardRequest& request);
  // And then it is done, on threads of the runtime's own.
  void StreamExec(const ExecOrder& order, OnStreams on_streams, OnExit on_exit) override;
  void StreamAttach(const AttachOrder& order, OnStreams on_streams) override;
  void CloseContainerInput(const std::string& container_id) override;
  void OpenSockets(const std::string& sandbox_id, OnSockets on_sockets) override;

  Result<v1::StatusResponse> Status(const v1::StatusRequest& request, Call& call);
  Result<v1::UpdateRuntimeConfigResponse> UpdateRuntimeConfig(const v1::UpdateRuntimeConfigRequest& request,
                                                              Call& call);

 private:
  // sandbox_run.cc
  struct SandboxAttempt {
    Result<std::string> holder;  // of the name from now on: the id; an error when nothing is left
    Result<> came_up;
  };
  SandboxAttempt MakeSandbox(const v1::RunPodSandboxRequest& request, std::string config_bytes, Call& call);
  Result<std::string> JoinSandbox(const NameTable::Claim& claim, const std::string& name, const Call& call);
  Result<SandboxPtr> RecordSandbox(const std::string& id, const v1::RunPodSandboxRequest& request,
                                   std::string config_bytes);
  Result<> BringUp(const SandboxPtr& sandbox, ShimLauncher::Shim shim, Call& call);
  Result<PendingReply> SendSandboxPlan(const Sandbox& sandbox, int64_t deadline_ms) const;
  Result<> WritePodFiles(const Sandbox& sandbox, const std::vector<std::string>& addresses);
  Result<> MakePodCgroup(const SandboxRecord& record);
  // Of a sandbox that did not come up. True: nothing is left of it. Otherwise it is listed, not ready, and
  // keeps its name, for the client to stop and remove, as it does with what it could not start.
  bool UndoSandbox(const SandboxPtr& sandbox, const std::string& reason, Spans& spans);
  Result<> AttachNetwork(const Sandbox& sandbox, const Frame& started, SandboxRecord& record);

  // pod_selinux.cc
  // Whether the kernel has contexts such as the pod asks for.
  Result<> CheckSeLinux(const v1::PodSandboxConfig& config) const;
  // `message` has the security context that asks for them.
  Result<> CheckContexts(const std::string& message, const std::string& process,
                         const std::string& files) const;
  // Of the pod's containers, reserved for it.
  Result<std::string> TakeLevel(const std::string& sandbox_id, const v1::PodSandboxConfig& config);
  Result<std::string> FilesContextOf(const Sandbox& sandbox) const;
  Result<> LabelPodFile(int fd, const std::string& path) const;

  // sandbox_stop.cc: each is idempotent and works without a shim.
  Result<> StopSandbox(const SandboxPtr& sandbox, Call& call);
  Result<> ReleaseSandbox(const SandboxPtr& sandbox, int64_t deadline_ms, Spans& spans);
  Result<> DetachNetwork(Sandbox& sandbox);
  Result<> KillContainersOf(const SandboxPtr& sandbox, int64_t deadline_ms);
  void EndShim(Sandbox& sandbox, int64_t deadline_ms);
  Result<> RemovePodCgroup(const Sandbox& sandbox);
  // sandbox_remove.cc
  Result<> ForgetSandbox(const SandboxPtr& sandbox);

  // container_create.cc
  Result<std::string> MakeContainer(const SandboxPtr& sandbox, const v1::CreateContainerRequest& request,
                                    Call& call);
  Result<ContainerRecord> PlanContainer(const Sandbox& sandbox, const v1::CreateContainerRequest& request,
                                        const ImageRecord& image);
  // container_start.cc
  Result<v1::StartContainerResponse> JoinStart(const Container& container, const Call& call);
  Result<> LaunchContainer(const ContainerPtr& container, Call& call);
  Result<ContainerStarted> SendStart(const ContainerPtr& container, const ContainerRecord& record,
                                     Call& call);
  Result<> MarkStarted(const ContainerPtr& container, const ContainerStarted& started, UniqueFd init);
  void MarkStartFailed(const ContainerPtr& container, const Error& error);
  // container_stop.cc
  Result<> StopProcess(const ContainerPtr& container, int64_t grace_ms, int64_t deadline_ms);
  void KillProcess(const Container& container);
  // container_update.cc
  Result<bool> UpdatePlannedResources(Container& container, const v1::LinuxContainerResources& change);
  // exec_prepare.cc: all but the standard streams.
  enum class Terminal { kNone, kOwn };
  struct PreparedExec {
    ContainerPtr container;
    ContainerRecord record;
    std::shared_ptr<ShimLink> link;
    StartFrame frame;
    std::string plan;  // empty: it is in the frame

    std::string Request(const std::string& exec_id) const;
  };
  Result<PreparedExec> PrepareExec(ContainerPtr container, const std::vector<std::string>& command,
                                   Terminal terminal);
  // exec_stream.cc
  Result<ProcessStreams> StartStreamedExec(const ExecOrder& order, OnExit on_exit);
  // attach.cc
  Result<ProcessStreams> Attach(const AttachOrder& order);
  // port_forward.cc
  Result<std::vector<UniqueFd>> OpenPodSockets(const std::string& sandbox_id);
  // container_remove.cc
  Result<> ForgetContainer(const ContainerPtr& container);
  void LogDeletionProblems() EXCLUDES(logging_problems_);

  // container_stats.cc
  // What a container has that does not run.
  v1::ContainerStats FileStatsOf(Container& container, int64_t usage_deadline_ms);
  std::optional<v1::ContainerStats> StatsIfRunning(Container& container, int64_t usage_deadline_ms);

  // sandbox_stats.cc
  v1::PodSandboxStats StatsOf(Sandbox& sandbox, const BridgeCounters& counters, int64_t usage_deadline_ms);

  // pod_metrics.cc
  v1::PodSandboxMetrics MetricsOf(const Sandbox& sandbox, const BridgeCounters& counters) const;
  v1::ContainerMetrics MetricsOf(const Container& container, int64_t usage_deadline_ms) const;

  // container_status.cc, sandbox_status.cc
  v1::ContainerStatus StatusOf(const Container& container) const;
  v1::PodSandboxStatus StatusOf(const Sandbox& sandbox) const;

  // events.cc: called after every change of a phase, by whoever made it.
  void Announce(const Container& container) EXCLUDES(announcing_);
  void Announce(const Sandbox& sandbox) EXCLUDES(announcing_);
  // Takes it out of the table, after its last change was told and before its removal is.
  void Withdraw(const Container& container) EXCLUDES(announcing_);
  void Withdraw(const Sandbox& sandbox) EXCLUDES(announcing_);
  void RememberAnnounced() EXCLUDES(announcing_);
  void TellNews(const Container& container) REQUIRES(announcing_);
  void TellNews(const Sandbox& sandbox) REQUIRES(announcing_);
  void Publish(const Sandbox& sandbox, const std::string& id, v1::ContainerEventType type)
      REQUIRES(announcing_);

  // shim_events.cc
  ShimEvents EventsOf(const SandboxPtr& sandbox);
  void OnContainerExited(const ContainerExited& exited);
  void ApplyExit(const ContainerPtr& container, const ContainerExited& exited);
  void OnShimDied(const SandboxPtr& sandbox);
  void LoseContainer(const ContainerPtr& container);
  void CollectContainer(Container& container);
  Result<> RemoveCgroupOf(Container& container);

  // recovery.cc
  Result<std::vector<SandboxPtr>> LoadRecords();
  void Reconcile(const SandboxPtr& sandbox);
  bool MeetShim(const SandboxPtr& sandbox);
  Result<> CollectOrphans(const std::vector<SandboxPtr>& sandboxes);
  void ReconcileContainer(const ContainerPtr& container, const LiveContainer* live, UniqueFd* init);
  void EndStrayShims();

  Persisted<SandboxRecord>::Write SandboxWriter();
  Persisted<ContainerRecord>::Write ContainerWriter();
  std::string SandboxDir(const std::string& sandbox_id) const;
  PodFiles PodFilesOf(const std::string& sandbox_id) const;
  Result<std::shared_ptr<ShimLink>> LinkOf(const Sandbox& sandbox) const;
  // As last updated, else as created.
  v1::LinuxContainerResources ResourcesOf(const Container& container) const;
  // A descriptor for a frame; the compiled filter stays cached.
  Result<UniqueFd> SeccompFilterOf(const v1::ContainerConfig& config, const ContainerPlan& plan);
  // What the CDI devices that `config` names change in its container.
  Result<std::vector<cdi::Edits>> CdiEditsOf(const v1::ContainerConfig& config) const;
  // The container whose PID namespace `config` asks for: one of the same sandbox.
  Result<ContainerPtr> TargetOf(const Sandbox& sandbox, const v1::ContainerConfig& config);

  Host host_;
  ShimReserve shims_;
  PodTable pods_;
  NameTable sandbox_names_;
  NameTable container_names_;
  Levels levels_;  // of pods, and of containers that ask for one
  EventFeed feed_;
  // Holds the order of events: one at a time is made from the records and published.
  Mutex announcing_;
  std::map<std::string, LifeStage> announced_ GUARDED_BY(announcing_);
  Mutex logging_problems_;
  std::set<std::string> logged_problems_ GUARDED_BY(logging_problems_);
  WorkerPool janitor_;
  WorkerPool workers_;  // steps beside the caller's (Background)
  WorkerPool streams_;
  std::vector<std::jthread> recovery_;
};

}  // namespace davit
