// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs on local containers, as the service davit.v1.Containers promises them. Each group is implemented
// in the file named after it: create.cc, start.cc, stop.cc, end.cc, remove.cc, look.cc, measure.cc,
// recover.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/reactor.h"
#include "cri/records/local_store.h"
#include "cri/runtime/client_session.h"
#include "cri/runtime/container_use.h"
#include "cri/runtime/runtime.h"
#include "images/image_lookup.h"
#include "local/container.h"
#include "local/keeper.h"
#include "local/recent_ends.h"
#include "local/roster.h"
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
    images::ImageLookup& images;
    snapshotter::Snapshots& snapshots;
    Reactor& timers;
    const Logger& log;
    const Clock& clock;
  };
  explicit LocalContainers(Ports ports);
  // Leaves all containers running.
  ~LocalContainers();

  // Reads the records. Called once, before the runtime recovers, which then keeps WritableLayers(). A record
  // that cannot be read is logged and left alone, with its layer and its pods.
  Result<> Load();
  std::set<std::string> WritableLayers() const;
  // Called once, after the runtime has recovered: takes over the runs that go on, records those that have
  // ended meanwhile, and begins to apply restart policies.
  void Begin();

  struct Created {
    std::string id;
    std::string name;
    std::string log_path;
  };
  Result<Created> Create(const std::string& name, const api::ContainerSpec& spec);
  // With `attached` (Containers::Start of the runtime), kFailedPrecondition if the container runs already.
  Result<> Start(const std::string& container, int64_t deadline_ms, cri::AttachedStart* attached = nullptr);
  // Without `grace_seconds`, the container's own grace period.
  Result<> Stop(const std::string& container, std::optional<uint32_t> grace_seconds, int64_t deadline_ms);
  Result<> Restart(const std::string& container, std::optional<uint32_t> grace_seconds, int64_t deadline_ms);
  Result<> Kill(const std::string& container, int signo, int64_t deadline_ms);
  Result<> Rename(const std::string& container, const std::string& name);
  Result<> Remove(const std::string& container, bool force, int64_t deadline_ms);

  Result<api::Container> Inspect(const std::string& container) const;
  // The newest first; `all`: also those that do not run.
  std::vector<api::Container> List(bool all) const;
  std::vector<cri::ContainerUse> Uses() const;

  // Calls `begun` once the wait has begun. Returns the exit code; after a removal that of the last run. The
  // whole id also finds a container that was removed a short time ago.
  // kCancelled once `gone` returns true, which is asked every second.
  Result<int32_t> Wait(const std::string& container, api::WaitContainerRequest::Condition condition,
                       const std::function<void()>& begun, const std::function<bool()>& gone) const;
  // The id that the runtime has for the container's present run. kFailedPrecondition if it does not run.
  Result<std::string> RunOf(const std::string& container) const;
  // Runs a command and waits for its end, or for `gone`.
  Result<api::ExecContainerResponse> Exec(const api::ExecContainerRequest& request, int64_t deadline_ms,
                                          const std::function<bool()>& gone);
  // No names: all containers. Those that do not run are omitted.
  Result<api::ContainerStatsResponse> Stats(const api::ContainerStatsRequest& request) const;
  // The whole id also finds a container of the CRI.
  Result<api::TopContainerResponse> Top(const std::string& container) const;

 private:
  std::string DirectoryOf(const std::string& id) const { return ports_.directory + "/" + id; }
  LocalContainerPtr MakeContainer(LocalRecord record, LocalContainer::SpecPtr spec);
  Result<> MakeDirectory(const std::string& id) const;

  Result<> StartContainer(LocalContainer& container, StartedBy by, int64_t deadline_ms,
                          cri::AttachedStart* attached = nullptr);
  // `exit_code` is set if it fails.
  Result<> BringUp(LocalContainer& container, int32_t& exit_code, cri::AttachedStart* attached);
  Result<Run> MakePod(LocalContainer& container, cri::Call& call);
  void UndoPod(const std::string& sandbox_id, const std::string& id) const;
  Result<> StopContainer(LocalContainer& container, uint32_t grace_seconds, int64_t deadline_ms);

  // Records the end of the container's run, if it has ended, and removes its pod.
  Result<> CollectEnd(LocalContainer& container, int64_t deadline_ms);
  Result<std::optional<Outcome>> OutcomeOf(const Run& run) const;
  void RestartLater(LocalContainer& container);
  void OnEnd(const std::string& id);
  void OnRestart(const std::string& id);
  void OnMissed();

  Result<> RemovePod(const std::string& sandbox_id) const;
  // Removes what earlier runs have left.
  Result<> RemovePodsOf(const LocalContainer& container) const;
  // With the claim held; idempotent.
  Result<> Forget(LocalContainer& container);

  void AdoptPods();
  void AdoptPod(const std::string& sandbox_id, LocalContainer& container);
  void SettleAfterBoot(LocalContainer& container);
  void RemoveStrayDirectories() const;

  api::Container ToApi(const LocalContainer& container) const;
  void FillRun(const Run& run, api::ContainerState& state) const;
  Result<api::ContainerUsage> UsageOf(const LocalContainer& container, const Run& run) const;
  void LogProblem(const char* what, const std::string& id, const Error& error) const;

  const Ports ports_;
  Roster roster_;
  RecentEnds removed_;
  std::set<std::string> unreadable_;  // ids of records that could not be read; set by Load
  Keeper keeper_;                     // last, so that it ends first: it calls this object
};

// The context of a verb of the runtime for a local pod.
inline cri::Call LocalCall(int64_t deadline_ms) {
  return cri::Call{deadline_ms, cri::Spans(), cri::Owner::kLocal};
}

}  // namespace davit::local
