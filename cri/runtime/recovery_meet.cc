// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/recovery_meet.h"

#include <atomic>
#include <set>

#include "base/guarded.h"
#include "base/thread_annotations.h"

namespace davit::cri {
namespace {

constexpr size_t kThreads = 8;

}  // namespace

// Who is still awaited. Thread-safe.
class RecoveryMeeting::Attendance {
 public:
  explicit Attendance(const std::vector<SandboxPtr>& sandboxes) {
    for (const SandboxPtr& sandbox : sandboxes) awaited_.insert(sandbox->id());
  }

  void Met(const std::string& id) { Leave(id, &MeetingCounts::met); }
  void Gone(const std::string& id) { Leave(id, &MeetingCounts::gone); }
  void Stopped(const std::string& id) { Leave(id, &MeetingCounts::stopped); }
  void Silent(const std::string& id) { Leave(id, &MeetingCounts::silent); }

  MeetingCounts Wait(std::chrono::milliseconds patience) {
    auto deadline = std::chrono::steady_clock::now() + patience;
    MutexLock lock(mutex_);
    while (!awaited_.empty() && changed_.WaitUntil(mutex_, deadline)) {
    }
    MeetingCounts counts = counts_;
    counts.silent += awaited_.size();
    return counts;
  }

  bool IsAwaited(const std::string& id) {
    MutexLock lock(mutex_);
    return awaited_.contains(id);
  }

 private:
  void Leave(const std::string& id, size_t MeetingCounts::* count) {
    MutexLock lock(mutex_);
    if (awaited_.erase(id) == 0) return;
    ++(counts_.*count);
    if (awaited_.empty()) changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> awaited_ GUARDED_BY(mutex_);
  MeetingCounts counts_ GUARDED_BY(mutex_);
};

MeetingCounts RecoveryMeeting::Meet(const std::vector<SandboxPtr>& sandboxes,
                                    std::chrono::milliseconds patience) {
  auto attendance = std::make_shared<Attendance>(sandboxes);
  auto queue = std::make_shared<const std::vector<SandboxPtr>>(sandboxes);
  auto next = std::make_shared<std::atomic<size_t>>(0);
  for (size_t i = 0; i < std::min(kThreads, queue->size()); ++i) {
    threads_.emplace_back([this, queue, next, attendance] {
      for (size_t item = (*next)++; item < queue->size(); item = (*next)++)
        RunGuarded("recovery", [&] { MeetOne((*queue)[item], attendance); });
    });
  }
  MeetingCounts counts = attendance->Wait(patience);
  for (const SandboxPtr& sandbox : sandboxes) {
    if (attendance->IsAwaited(sandbox->id())) ports_.watch.TakeRecordedExits(sandbox);
  }
  return counts;
}

void RecoveryMeeting::MeetOne(const SandboxPtr& sandbox, const std::shared_ptr<Attendance>& attendance) {
  SandboxRecord record = sandbox->record().Get();
  if (phases::IsStopped(record)) {
    FinishWithoutShim(sandbox);
    return attendance->Stopped(record.id);
  }
  bool unfinished = phases::IsCreating(record);
  // Its answer may come before this thread has its link, which the verbs need.
  auto awaited = std::make_shared<std::atomic<int>>(2);
  auto met = [sandbox, attendance, awaited] {
    if (awaited->fetch_sub(1) == 1) attendance->Met(sandbox->id());
  };
  auto reconciled = [this, sandbox, unfinished, met] {
    if (unfinished) return;
    Finish(sandbox);
    met();
  };
  ProcessIdentity identity{record.shim_pid, record.shim_start_time, record.shim_boot_id};
  Result<ShimPtr> shim = ports_.shims.Meet(record.id, identity, ports_.watch.EventsOf(sandbox, reconciled));
  if (!shim && shim.error().code != Code::kNotFound && !unfinished) {
    // Its shim and its containers may be alive, and run on until the pod is stopped.
    ports_.watch.TakeRecordedExits(sandbox);
    ports_.watch.SandboxFailed(sandbox, shim.error().ToString());
    return attendance->Silent(record.id);
  }
  if (shim) sandbox->SetShim(*shim);
  if (unfinished) {
    UndoUnfinished(sandbox);
  } else if (shim) {
    return met();  // `reconciled` has come or follows
  } else {
    FinishWithoutShim(sandbox);
  }
  attendance->Gone(record.id);
}

// The previous daemon was making it, or removing it after a failure. No client has its id; the client's retry
// makes another one.
void RecoveryMeeting::UndoUnfinished(const SandboxPtr& sandbox) {
  Spans spans;
  (void)ports_.sandboxes.Undo(sandbox, "the daemon ended while it made the sandbox", spans);
}

void RecoveryMeeting::FinishWithoutShim(const SandboxPtr& sandbox) {
  ports_.watch.ShimDied(sandbox);
  Finish(sandbox);
}

void RecoveryMeeting::Finish(const SandboxPtr& sandbox) {
  for (const ContainerPtr& container : ports_.pods.ContainersOf(sandbox->id())) {
    if (!container->record().Read(phases::IsRemoving)) continue;
    if (Result<> forgotten = ports_.containers.Forget(container); !forgotten) {
      ports_.log.Log(LogLevel::kWarning, "container not removed yet",
                     {{"container", container->id()}, {"error", forgotten.error().ToString()}});
    }
  }
}

}  // namespace davit::cri
