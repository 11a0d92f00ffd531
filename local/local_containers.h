// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on local containers, as the service davit.v1.Containers promises them. Each group is implemented
// in the file named after it: create.cc, start.cc, stop.cc, end.cc, remove.cc, look.cc, measure.cc, files.cc,
// pause.cc, update.cc, recover.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/reactor.h"
#include "base/rollback.h"
#include "cri/records/local_store.h"
#include "cri/runtime/client_session.h"
#include "cri/runtime/container_use.h"
#include "cri/runtime/runtime.h"
#include "images/image_lookup.h"
#include "local/container.h"
#include "local/event_log.h"
#include "local/health_checks.h"
#include "local/keeper.h"
#include "local/networks.h"
#include "local/pod_config.h"
#include "local/recent_ends.h"
#include "local/rootfs/request.h"
#include "local/roster.h"
#include "local/source_check.h"
#include "local/visits.h"
#include "local/volumes.h"
#include "snapshotter/snapshots.h"

namespace davit::local {

// Local containers are desired state over the verbs of the runtime. A container has a record, a writable
// layer with the container's id and a directory with its log; each of its runs is a pod of the owner `local`
// with one container in it. The record says whether it is to run; a pod without a record, or beyond the
// record's one run, is removed.
//
// Thread-safe. Deadlines are in MonotonicMilliseconds. "container" parameters are names, ids or beginnings of
// ids.
class LocalContainers {
 public:
  // All must outlive the object. `timers` is a thread that never waits for this object.
  struct Ports {
    std::string directory;  // has a directory for each container
    cri::Runtime& runtime;
    cri::LocalStore& store;
    Volumes& volumes;
    images::ImageLookup& images;
    snapshotter::Snapshots& snapshots;
    Networks& networks;
    Reactor& timers;
    const Logger& log;
    const Clock& clock;
    EventLog& events;
  };
  explicit LocalContainers(Ports ports);
  // Leaves all containers running.
  ~LocalContainers();

  // Reads the records, after those of the volumes. Called once, before the runtime recovers, which then keeps
  // WritableLayers(). A container whose record cannot be read is listed with the reason; it keeps its layer,
  // its pod and its row until somebody removes it.
  Result<> Load();
  std::set<std::string> WritableLayers() const;
  // Called once, after the runtime has recovered: takes over the runs that go on, records those that have
  // ended meanwhile, and begins to apply restart policies. Waits for no pod: what is to be removed or started
  // is so afterwards.
  Result<> Begin();

  struct Created {
    std::string id;
    std::string name;
    std::string log_path;
  };
  // kCancelled soon after `gone` returns true, which is asked while volumes are filled.
  Result<Created> Create(
      const std::string& name, const api::ContainerSpec& spec,
      const std::function<bool()>& gone = [] { return false; });
  // With `attached` (Containers::Start of the runtime), kFailedPrecondition if the container runs already.
  Result<> Start(const std::string& container, int64_t deadline_ms, cri::AttachedStart* attached = nullptr);
  // Without `grace_seconds`, the container's own grace period. After a success the container has no run. If
  // its program has ended and its pod cannot be removed, the error says so, and the removal is repeated.
  Result<> Stop(const std::string& container, std::optional<uint32_t> grace_seconds, int64_t deadline_ms);
  Result<> Restart(const std::string& container, std::optional<uint32_t> grace_seconds, int64_t deadline_ms);
  // SIGKILL: waits like Stop. Cancels a restart that is planned, if the signal ends the policy.
  Result<> Kill(const std::string& container, int signo, int64_t deadline_ms);
  // Freezes its processes. kFailedPrecondition if it does not run, is paused or is being stopped;
  // kDeadlineExceeded if the kernel cannot freeze one of them: it runs on then. A stop lets it go on.
  Result<> Pause(const std::string& container, int64_t deadline_ms);
  Result<> Unpause(const std::string& container, int64_t deadline_ms);
  // As Containers.Update promises.
  Result<> Update(const std::string& container, const api::ContainerUpdate& update, int64_t deadline_ms);
  Result<> Rename(const std::string& container, const std::string& name);
  Result<> Remove(const std::string& container, bool force, int64_t deadline_ms,
                  AnonymousVolumes volumes = AnonymousVolumes::kStay);

  Result<api::Container> Inspect(const std::string& container) const;
  // The newest first; `all`: also those that are not up (lifecycle.h).
  // `size`: with the sizes of their writable layers, for which it waits for two seconds at most.
  std::vector<api::Container> List(bool all, bool size = false) const;
  std::vector<cri::ContainerUse> Uses() const;

  // Begins a wait, which lasts until `done` was called or the returned object is destroyed. Needs no thread
  // and never blocks. Null if the container was removed a short time ago, which only its whole id finds:
  // `done` was called with its last exit code.
  Result<std::unique_ptr<EndWaits::Place>> BeginWait(const std::string& container,
                                                     api::WaitContainerRequest::Condition condition,
                                                     EndWaits::Done done) const;
  // The id that the runtime has for the container's present run. kFailedPrecondition if it does not run, or
  // is paused.
  Result<std::string> RunOf(const std::string& container) const;
  // Runs a command and waits for its end, or for `gone`.
  Result<api::ExecContainerResponse> Exec(const api::ExecContainerRequest& request, int64_t deadline_ms,
                                          const std::function<bool()>& gone);
  // What davit-rootfs needs to reach the files of a container; see Visits for how long it may use them. A
  // container that has never been started gets its writable layer now.
  struct Files {
    std::string id;
    std::string name;
    RootfsTree tree = RootfsTree::kMount;
    UniqueFd tree_fd;
    std::vector<RootfsMount> mounts;  // that a container which does not run would have
    bool read_only = false;
    std::unique_ptr<Visits::Visit> visit;
  };
  enum class WithMounts : uint8_t { kNo, kYes };
  Result<Files> OpenFiles(const std::string& container, WithMounts with_mounts, int64_t deadline_ms);
  // The same for what it has changed of its image.
  struct Changes {
    std::string id;
    std::string image_id;
    api::ContainerSpec spec;
    std::vector<std::string> command_line;
    UniqueFd changes;
    UniqueFd base;  // of the image, a detached mount; not valid if the image has no layers
    std::unique_ptr<Visits::Visit> visit;
  };
  Result<Changes> OpenChanges(const std::string& container, int64_t deadline_ms);

  // No names: all containers. Those that do not run are omitted.
  Result<api::ContainerStatsResponse> Stats(const api::ContainerStatsRequest& request) const;
  // The whole id also finds a container of the CRI.
  Result<api::TopContainerResponse> Top(const std::string& container) const;

 private:
  std::string DirectoryOf(const std::string& id) const { return ports_.directory + "/" + id; }
  std::string LogOf(const std::string& id) const;
  LocalContainerPtr MakeContainer(LocalRecord record, LocalContainer::DefinitionPtr definition);
  void LoadOne(const cri::LocalRow& row);
  Result<> MakeDirectory(const std::string& id) const;
  Result<> MakeRecordDurable(const LocalContainer& container) const;
  Result<> CheckPod(const Definition& definition, const LocalRecord& record,
                    const images::ImageRecord& image) const;
  // Adds the binds of the containers in `volumes_from` to the spec, and returns their volumes.
  Result<std::vector<VolumeUse>> TakeMountsOfOthers(api::ContainerSpec& spec) const;
  Result<PodRequest> PodRequestOf(const Definition& definition, const LocalRecord& record) const;

  // Those marked with (c) are called with the claim held.
  // Makes the volumes of a container whose rows exist, and registers the undo. (c)
  Result<> MakeVolumes(LocalContainer& container, const std::function<bool()>& gone, Rollback& rollback);
  // `attached` may be null.
  Result<> StartContainer(LocalContainer& container, int64_t deadline_ms, cri::AttachedStart* attached);
  Result<> StartRun(LocalContainer& container, StartedBy by, cri::AttachedStart* attached);  // (c)
  // `exit_code` is set if it fails. (c)
  Result<> BringUp(LocalContainer& container, int32_t& exit_code, cri::AttachedStart* attached);
  Result<Run> MakePod(LocalContainer& container, cri::Call& call);  // (c)
  // The container's names in its network have the addresses of this sandbox.
  void JoinNetwork(const LocalContainer& container, const std::string& sandbox_id) const;
  Result<> CheckPortsOfOthers(const LocalContainer& container) const;
  Result<> StopContainer(LocalContainer& container, uint32_t grace_seconds, int64_t deadline_ms);
  Result<> StopRun(const Run& run, uint32_t grace_seconds, int64_t deadline_ms) const;

  // Lets a paused run go on.
  Result<> GoOn(LocalContainer& container, const Run& run);
  // kFailedPrecondition for what a paused container cannot do.
  Result<> RefusePaused(const LocalContainer& container, const char* step) const;

  // Does what is due after a run that has ended, as far as it is: records the outcome, removes the pod,
  // removes the container if it is to be. Nothing if the run goes on. If something cannot be removed, the
  // record says why, and the keeper tries again. (c)
  Result<> CollectEnd(LocalContainer& container);
  Result<std::optional<Outcome>> OutcomeOf(const Run& run) const;
  // Keep the bound of the log, of a run and while there is none. (c)
  void LookAtLog(LocalContainer& container);
  void RotateBeforeRun(const LocalContainer& container) const;
  // See RotateLog. Logs a failure.
  bool KeepLogBound(const LocalContainer& container, const std::function<Result<>()>& reopen) const;
  Result<> RemovePod(const std::string& sandbox_id) const;
  Result<> RemovePodsOf(LocalContainer& container) const;
  // Removes all that is left of the container. Idempotent. (c)
  Result<> Forget(LocalContainer& container);

  Result<PodRequest> PrepareLayer(LocalContainer& container) const;  // (c)
  Result<Files> OpenMountedFiles(LocalContainer& container, WithMounts with_mounts, int64_t deadline_ms);

  void Schedule(const LocalContainer& container, bool missed);
  void Look(Lane lane, const std::string& id);

  // A pod of no container's current run.
  void PlanStray(const std::string& sandbox_id) EXCLUDES(strays_mutex_);
  void RemoveStray(const std::string& sandbox_id) EXCLUDES(strays_mutex_);

  using FoundRuns = std::map<std::string, Found>;  // by container id
  FoundRuns AdoptPods();
  Found AdoptPod(const std::string& sandbox_id, const std::string& container_id, LocalContainer& container);
  void TakeOverRun(LocalContainer& container);
  void RemoveStrayDirectories() const;
  void ReportUnknownLayers() const;

  api::Container ToApi(const LocalContainer& container, HealthChecks::Log log) const;
  void FillRun(const Run& run, api::ContainerState& state) const;
  void LogProblem(const char* what, const std::string& id, const Error& error) const;
  // Something has happened to it, for clients that watch.
  void Note(const LocalContainer& container, const std::string& action,
            EventLog::Attributes attributes = {}) const;
  void NoteEnd(const LocalContainer& container) const;  // of its run, with the outcome in its record
  void NoteHealth(const std::string& id, api::HealthState::Status status) const;

  const Ports ports_;
  Roster roster_;
  Visits visits_;
  RecentEnds removed_;
  Mutex strays_mutex_;
  std::map<std::string, Backoff> strays_ GUARDED_BY(strays_mutex_);  // pauses between attempts, by sandbox id
  const SourceCheck sources_;
  HealthChecks health_;
  Keeper keeper_;  // last, so that it ends first: it calls this object
};

// The context of a verb of the runtime for a local pod.
inline cri::Call LocalCall(int64_t deadline_ms) {
  return cri::Call{deadline_ms, cri::Spans(), cri::Owner::kLocal};
}

}  // namespace davit::local
