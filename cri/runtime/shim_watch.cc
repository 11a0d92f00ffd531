// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/shim_watch.h"

#include <map>
#include <memory>
#include <utility>

#include "cri/pods/phases.h"

namespace davit::cri {
namespace {

void KillInShim(const Container& container) {
  if (ShimPtr shim = container.sandbox().shim()) shim->KillContainer(container.id());
}

}  // namespace

ShimEvents ShimWatch::EventsOf(const SandboxPtr& sandbox, std::function<void()> reconciled) {
  // Weak: the sandbox holds the shim, and the shim these.
  std::weak_ptr<Sandbox> weak = sandbox;
  // An event comes on the reactor's thread: what may block goes to the workers.
  auto later = [this, weak](auto work) {
    SandboxPtr pod = weak.lock();
    if (pod != nullptr) ports_.workers.Post([pod, work = std::move(work)]() mutable { work(pod); });
  };
  ShimEvents events;
  events.container_exited = [this](const shim::ContainerExited& exited) {
    if (Result<ContainerPtr> container = ports_.pods.FindContainer(exited.container_id))
      Exited(*container, exited);
  };
  events.exec_exited = [weak](const shim::ExecExited& exited) {
    if (SandboxPtr pod = weak.lock()) pod->execs().Finish(exited);
  };
  events.begin_meeting = [this, weak, later, reconciled = std::move(reconciled)] {
    return [this, weak, later, reconciled, requested = ContainersNow(weak.lock())](ShimState state) {
      auto meeting = std::make_shared<Meeting>(Meeting{
          .state = std::move(state), .at_request = requested, .at_answer = ContainersNow(weak.lock())});
      later([this, meeting, reconciled](const SandboxPtr& pod) {
        Reconcile(pod, std::move(*meeting));
        reconciled();
      });
    };
  };
  events.not_understood = [this, later](const Error& error) {
    later([this, error](const SandboxPtr& pod) {
      TakeRecordedExits(pod);
      if (error.code == Code::kUnimplemented) SandboxFailed(pod, error.ToString());
    });
  };
  events.sandbox_failed = [this, later](const std::string& reason) {
    later([this, reason](const SandboxPtr& pod) { SandboxFailed(pod, reason); });
  };
  events.died = [this, weak, later] {
    if (SandboxPtr pod = weak.lock()) pod->execs().FinishAll();
    later([this](const SandboxPtr& pod) { ShimDied(pod); });
  };
  return events;
}

Result<> ShimWatch::Started(const ContainerPtr& container, StartedContainer started) {
  container->SetProcess(std::move(started.init));
  Result<> recorded = container->record().TryChange(
      [&started](ContainerRecord& r) { return phases::Started(r, started.live); });
  ports_.announcer.Announce(*container);
  return recorded;
}

void ShimWatch::StartFailed(const ContainerPtr& container, const Error& error) {
  (void)container->record().TryChange([&](ContainerRecord& r) {
    return phases::StartFailed(r, error.ToString(), ports_.clock.UnixNanoseconds());
  });
  ports_.announcer.Announce(*container);
}

// On the reactor's thread as a rule: the database is written later, and the shim's own record stays until it
// is.
void ShimWatch::Exited(const ContainerPtr& container, const shim::ContainerExited& exited) {
  auto change = [&exited](ContainerRecord& r) { return phases::Exited(r, exited); };
  container->record().TryChangeLater(change, [this, container](const Result<>& recorded) {
    if (recorded) return ports_.workers.Post([this, container] { ports_.cleanup.Collect(*container); });
    ports_.log.Log(LogLevel::kError, "exit not recorded",
                   {{"container", container->id()}, {"error", recorded.error().ToString()}});
  });
  ports_.announcer.Announce(*container);
}

void ShimWatch::Lose(const ContainerPtr& container) {
  ReconcileContainer(KnownNow(container), ShimAnswer::kDead, /*live=*/nullptr);
}

void ShimWatch::RecordLoss(const ContainerPtr& container) {
  if (!container->record().Read(phases::MayHaveProcess)) return;  // its end has been reported meanwhile
  (void)container->record().TryChange(phases::BeginLosing);
  if (Result<> killed = ports_.cleanup.Kill(*container); !killed) {
    ports_.log.Log(LogLevel::kError, "container of a dead shim not killed",
                   {{"container", container->id()}, {"error", killed.error().ToString()}});
  }
  (void)container->record().TryChange([this](ContainerRecord& r) {
    return phases::Lost(r, "the pod's shim died; how the container ended is not known",
                        ports_.clock.UnixNanoseconds());
  });
  ports_.announcer.Announce(*container);
  // After the record: the removal of a cgroup may wait for systemd.
  ports_.cleanup.Collect(*container);
}

void ShimWatch::ShimDied(const SandboxPtr& sandbox) {
  sandbox->SetShim(nullptr);
  SandboxFailed(sandbox, "the pod's shim died");
  for (const ContainerPtr& container : ports_.pods.ContainersOf(sandbox->id())) Lose(container);
  ports_.announcer.Announce(*sandbox);
}

void ShimWatch::SandboxFailed(const SandboxPtr& sandbox, const std::string& reason) {
  (void)sandbox->record().TryChange([&reason](SandboxRecord& r) { return phases::Fail(r, reason); });
  ports_.announcer.Announce(*sandbox);
}

std::vector<KnownContainer> ShimWatch::ContainersNow(const SandboxPtr& sandbox) const {
  std::vector<KnownContainer> known;
  if (sandbox == nullptr) return known;
  for (const ContainerPtr& container : ports_.pods.ContainersOf(sandbox->id()))
    known.push_back(KnownNow(container));
  return known;
}

void ShimWatch::Reconcile(const SandboxPtr& sandbox, Meeting meeting) {
  ShimState& state = meeting.state;
  if (state.namespaces.user) sandbox->SetUserNamespace(std::move(state.namespaces.user));
  std::map<std::string, StartedContainer*> live;
  for (StartedContainer& started : state.containers) live[started.live.container_id] = &started;
  for (const KnownContainer& known : meeting.at_answer) {
    auto found = live.find(known.container->id());
    if (found != live.end()) ReconcileContainer(known, ShimAnswer::kAnswered, found->second);
  }
  for (const KnownContainer& known : meeting.at_request) {
    if (!live.contains(known.container->id()))
      ReconcileContainer(known, ShimAnswer::kAnswered, /*live=*/nullptr);
  }
}

void ShimWatch::ReconcileContainer(const KnownContainer& known, ShimAnswer shim, StartedContainer* live) {
  const ContainerPtr& container = known.container;
  Result<shim::ContainerExited> exited = ports_.shims.ReadExitRecord(container->id());
  ContainerFacts facts;
  facts.recorded = known.phase;
  facts.shim = shim;
  facts.live = live != nullptr;
  facts.has_exit_record = exited.has_value();
  facts.start_in_flight = known.start_in_flight;
  switch (Decide(facts)) {
    case ContainerAction::kNothing:
      return;
    case ContainerAction::kAdopt:
      (void)container->record().TryChange(phases::AdoptStart);
      (void)Started(container, std::move(*live));
      return;
    case ContainerAction::kKill:
      (void)live->init.Signal(SIGKILL);
      KillInShim(*container);
      return;
    case ContainerAction::kApplyExit:
      (void)container->record().TryChange(phases::AdoptStart);
      return Exited(container, *exited);
    case ContainerAction::kAbandonStart:
      KillInShim(*container);
      ports_.cleanup.Collect(*container);
      (void)container->record().TryChange(phases::AbandonStart);
      return;
    case ContainerAction::kLose:
      return RecordLoss(container);
  }
}

void ShimWatch::TakeRecordedExits(const SandboxPtr& sandbox) {
  for (const KnownContainer& known : ContainersNow(sandbox))
    ReconcileContainer(known, ShimAnswer::kSilent, /*live=*/nullptr);
}

}  // namespace davit::cri
