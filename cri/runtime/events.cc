// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Events follow from the records: whoever changed a phase has what is new in it told. When two changes are
// told at once, by two threads, the first one tells of both and the second one finds nothing left. So the
// order of events is that of the phases, whichever thread comes first.
//
// What happened while no daemon ran is not told after a restart: a watcher's connection has ended with the
// daemon, and it lists everything again when it comes back, as the kubelet does.

#include "cri/runtime/runtime.h"

namespace davit {

std::unique_ptr<EventFeed::Watcher> Runtime::WatchEvents(std::function<void()> cut_off) {
  return feed_.Watch(std::move(cut_off));
}

void Runtime::EndWatching() {
  feed_.End();
}

void Runtime::Announce(const Container& container) {
  MutexLock lock(announcing_);
  // Otherwise its removal has told of it.
  if (pods_.FindContainer(container.id())) TellNews(container);
}

void Runtime::Announce(const Sandbox& sandbox) {
  MutexLock lock(announcing_);
  TellNews(sandbox);
}

void Runtime::Withdraw(const Container& container) {
  MutexLock lock(announcing_);
  TellNews(container);
  pods_.RemoveContainer(container.id());
  Publish(container.sandbox(), container.id(), v1::CONTAINER_DELETED_EVENT);
  announced_.erase(container.id());
}

void Runtime::Withdraw(const Sandbox& sandbox) {
  MutexLock lock(announcing_);
  TellNews(sandbox);
  pods_.RemoveSandbox(sandbox.id());
  if (announced_.erase(sandbox.id()) > 0) Publish(sandbox, sandbox.id(), v1::CONTAINER_DELETED_EVENT);
}

void Runtime::TellNews(const Container& container) {
  auto [stage, failed] = container.record().Read(
      [](const ContainerRecord& r) { return std::pair(StageOf(r), FailedToStart(r)); });
  LifeStage& announced = announced_[container.id()];
  for (v1::ContainerEventType type : EventsBetween(announced, stage, failed))
    Publish(container.sandbox(), container.id(), type);
  announced = stage;
}

void Runtime::TellNews(const Sandbox& sandbox) {
  if (!pods_.FindSandbox(sandbox.id())) return;  // it is not listed yet, or no more
  LifeStage stage = sandbox.record().Read([](const SandboxRecord& r) { return StageOf(r); });
  LifeStage& announced = announced_[sandbox.id()];
  // One that could not be undone was never there to run.
  bool failed = announced == LifeStage::kNone && stage == LifeStage::kStopped;
  for (v1::ContainerEventType type : EventsBetween(announced, stage, failed))
    Publish(sandbox, sandbox.id(), type);
  announced = stage;
}

// After a restart: what the records say was told by the daemon before.
void Runtime::RememberAnnounced() {
  MutexLock lock(announcing_);
  for (const SandboxPtr& sandbox : pods_.Sandboxes()) {
    LifeStage stage = sandbox->record().Read([](const SandboxRecord& r) { return StageOf(r); });
    if (stage != LifeStage::kNone) announced_[sandbox->id()] = stage;
  }
  for (const ContainerPtr& container : pods_.Containers()) {
    announced_[container->id()] =
        container->record().Read([](const ContainerRecord& r) { return StageOf(r); });
  }
}

void Runtime::Publish(const Sandbox& sandbox, const std::string& id, v1::ContainerEventType type) {
  if (!feed_.watched()) return;
  auto event = std::make_shared<v1::ContainerEventResponse>();
  event->set_container_id(id);
  event->set_container_event_type(type);
  // Taken before the state is read: the kubelet drops a state that is older than one it has.
  event->set_created_at(UnixNanoseconds());
  *event->mutable_pod_sandbox_status() = StatusOf(sandbox);
  for (const ContainerPtr& container : pods_.ContainersOf(sandbox.id()))
    *event->add_containers_statuses() = StatusOf(*container);
  feed_.Publish(std::move(event));
}

}  // namespace davit
