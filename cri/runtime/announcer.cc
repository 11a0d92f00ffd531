// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/announcer.h"

#include <utility>

#include "cri/runtime/pod_status.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

namespace {

template <typename Thing>
LifeStage StageNow(const Thing& thing) {
  return thing.record().Read([](const auto& record) { return StageOf(record); });
}

}  // namespace

void Announcer::Announce(const Container& container) {
  MutexLock lock(mutex_);
  // One that is not in the table was announced by its removal.
  if (pods_.FindContainer(container.id())) PublishNews(container);
}

void Announcer::Announce(const Sandbox& sandbox) {
  MutexLock lock(mutex_);
  PublishNews(sandbox);
}

void Announcer::Withdraw(const Container& container) {
  MutexLock lock(mutex_);
  if (!pods_.FindContainer(container.id())) return;  // another removal was faster
  PublishNews(container);
  pods_.RemoveContainer(container.id());
  Publish(container.sandbox(), container.id(), v1::CONTAINER_DELETED_EVENT);
  announced_.erase(container.id());
}

void Announcer::Withdraw(const Sandbox& sandbox) {
  MutexLock lock(mutex_);
  PublishNews(sandbox);
  pods_.RemoveSandbox(sandbox.id());
  if (announced_.erase(sandbox.id()) > 0) Publish(sandbox, sandbox.id(), v1::CONTAINER_DELETED_EVENT);
}

void Announcer::PublishNews(const Container& container) {
  LifeStage stage = StageNow(container);
  LifeStage& announced = announced_[container.id()];
  bool failed = container.record().Read(phases::FailedToStart);
  for (v1::ContainerEventType type : EventsBetween(announced, stage, failed))
    Publish(container.sandbox(), container.id(), type);
  announced = stage;
}

void Announcer::PublishNews(const Sandbox& sandbox) {
  if (!pods_.FindSandbox(sandbox.id())) return;  // not listed yet, or removed
  LifeStage stage = StageNow(sandbox);
  LifeStage& announced = announced_[sandbox.id()];
  // A sandbox that could not be undone never ran.
  bool failed = announced == LifeStage::kNone && stage == LifeStage::kStopped;
  for (v1::ContainerEventType type : EventsBetween(announced, stage, failed))
    Publish(sandbox, sandbox.id(), type);
  announced = stage;
}

void Announcer::RememberAnnounced() {
  MutexLock lock(mutex_);
  for (const SandboxPtr& sandbox : pods_.Sandboxes()) {
    LifeStage stage = StageNow(*sandbox);
    if (stage != LifeStage::kNone) announced_[sandbox->id()] = stage;
  }
  for (const ContainerPtr& container : pods_.Containers()) announced_[container->id()] = StageNow(*container);
}

void Announcer::Publish(const Sandbox& sandbox, const std::string& id, v1::ContainerEventType type) {
  EventFeed& feed = FeedOf(sandbox.owner());
  if (!feed.watched()) return;
  auto event = std::make_shared<v1::ContainerEventResponse>();
  event->set_container_id(id);
  event->set_container_event_type(type);
  // Taken before the state is read: the kubelet drops a state that is older than one it has.
  event->set_created_at(clock_.UnixNanoseconds());
  *event->mutable_pod_sandbox_status() = StatusOf(sandbox);
  for (v1::ContainerStatus& status : StatusesOfContainers(pods_, sandbox))
    *event->add_containers_statuses() = std::move(status);
  feed.Publish(std::move(event));
}

}  // namespace davit::cri
