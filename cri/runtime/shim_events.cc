// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/runtime.h"

namespace davit {
namespace {
constexpr int32_t kLostExitCode =
    255;  // CRI has no way to say that a code is unknown; 0 would let a lost Job succeed
}

ShimEvents Runtime::EventsOf(const SandboxPtr& sandbox) {
  // Weak: the sandbox holds the link, and the link these.
  std::weak_ptr<Sandbox> weak = sandbox;
  ShimEvents events;
  events.container_exited = [this](const ContainerExited& exited) { OnContainerExited(exited); };
  events.exec_exited = [weak](const ExecExited& exited) {
    if (SandboxPtr pod = weak.lock()) pod->execs().Finish(exited);
  };
  events.shim_died = [this, weak] {
    SandboxPtr pod = weak.lock();
    if (pod == nullptr) return;
    pod->execs().FinishAll();
    // Killing what the shim left behind takes time that the reactor does not have.
    janitor_.Post([this, pod] { OnShimDied(pod); });
  };
  return events;
}

void Runtime::OnContainerExited(const ContainerExited& exited) {
  Result<ContainerPtr> container = pods_.FindContainer(exited.container_id);
  if (container) ApplyExit(*container, exited);
}

void Runtime::ApplyExit(const ContainerPtr& container, const ContainerExited& exited) {
  Result<> recorded = container->record().TryChange([&exited](ContainerRecord& r) {
    if (r.phase != ContainerPhase::kRunning && r.phase != ContainerPhase::kStarting) return false;
    r.phase = ContainerPhase::kExited;
    r.lost = false;
    r.exit_code = exited.exit_code;
    r.oom_killed = exited.oom_killed;
    r.finished_at = exited.finished_at;
    r.reason = exited.oom_killed ? "OOMKilled" : exited.exit_code == 0 ? "Completed" : "Error";
    return true;
  });
  Announce(*container);
  // The shim's own record stays until the database has it.
  if (recorded)
    janitor_.Post([this, container] { CollectContainer(*container); });
  else
    host_.log.Log(LogLevel::kError, "exit not recorded",
                  {{"container", container->id()}, {"error", recorded.error().ToString()}});
}

Result<> Runtime::RemoveCgroupOf(Container& container) {
  std::string path = container.record().Read([](const ContainerRecord& r) { return r.cgroup_path; });
  container.exec_cgroups().Forget();
  MutexLock lock(container.cgroup_mutex());
  return host_.cgroups.Remove(path);
}

void Runtime::CollectContainer(Container& container) {
  if (Result<> removed = RemoveCgroupOf(container); !removed) {
    host_.log.Log(LogLevel::kWarning, "cgroup not removed",
                  {{"container", container.id()}, {"error", removed.error().ToString()}});
  }
  host_.shims.RemoveExitRecord(container.id());
}

void Runtime::OnShimDied(const SandboxPtr& sandbox) {
  sandbox->SetLink(nullptr);
  (void)sandbox->record().TryChange([](SandboxRecord& r) {
    if (r.phase != SandboxPhase::kReady) return false;  // it was told to end
    r.phase = SandboxPhase::kNotReady;
    r.reason = "the pod's shim died";
    return true;
  });
  for (const ContainerPtr& container : pods_.ContainersOf(sandbox->id())) LoseContainer(container);
  Announce(*sandbox);
}

void Runtime::LoseContainer(const ContainerPtr& container) {
  auto lives = [](const ContainerRecord& r) {
    return r.phase == ContainerPhase::kRunning || r.phase == ContainerPhase::kStarting;
  };
  if (!container->record().Read(lives)) return;
  if (Result<ContainerExited> exited = host_.shims.ReadExitRecord(container->id())) {
    return ApplyExit(container, *exited);  // it had ended before the shim did
  }
  (void)container->record().Change([](ContainerRecord& r) { r.lost = true; });
  // Removing a cgroup kills what is in it.
  if (Result<> killed = RemoveCgroupOf(*container); !killed) {
    host_.log.Log(LogLevel::kError, "container of a dead shim not killed",
                  {{"container", container->id()}, {"error", killed.error().ToString()}});
  }
  (void)container->record().TryChange([&lives](ContainerRecord& r) {
    if (!lives(r)) return false;
    r.phase = ContainerPhase::kExited;
    r.exit_code = kLostExitCode;
    r.finished_at = UnixNanoseconds();
    r.reason = "Unknown";
    r.message = "the pod's shim died; how the container ended is not known";
    return true;
  });
  Announce(*container);
  host_.shims.RemoveExitRecord(container->id());
}

}  // namespace davit
