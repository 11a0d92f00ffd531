// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/placeholder.h"

#include <signal.h>

#include "base/guarded.h"

namespace davit::cri {

Placeholder& Placeholder::operator=(Placeholder&& other) noexcept {
  if (this == &other) return *this;
  End();
  owner_ = std::exchange(other.owner_, nullptr);
  child_ = std::move(other.child_);
  return *this;
}

void Placeholder::EndAndKeepPid() {
  Placeholders* owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  (void)child_.pidfd.Signal(SIGKILL);
  owner->Keep(std::move(child_));
}

void Placeholder::End() noexcept {
  if (Placeholders* owner = std::exchange(owner_, nullptr)) {
    (void)child_.pidfd.Signal(SIGKILL);
    RunGuarded("placeholder", [&] { owner->Reap(std::move(child_)); });
  }
}

Result<std::unique_ptr<Placeholders>> Placeholders::Open(SpawnRequest program) {
  return std::unique_ptr<Placeholders>(new Placeholders(std::move(program), TRY(Reactor::Start())));
}

Placeholders::~Placeholders() {
  reactor_.reset();
  for (const auto& [pidfd, child] : dying_) (void)davit::Reap(child);
  MutexLock lock(mutex_);
  for (const ChildProcess& child : ended_) (void)davit::Reap(child);
  for (const ChildProcess& child : kept_) (void)davit::Reap(child);
  if (!ready_) return;
  (void)ready_->pidfd.Signal(SIGKILL);
  (void)davit::Reap(*ready_);
}

Result<Placeholder> Placeholders::Start() {
  if (std::optional<ChildProcess> ready = TakeReady()) return Placeholder(*this, std::move(*ready));
  Result<ChildProcess> child = Fail(Code::kInternal, "spawn", "placeholder");
  reactor_->Await([&] { child = Spawn(program_); });
  if (!child) return std::unexpected(Within("start placeholder", std::move(child).error()));
  return Placeholder(*this, std::move(*child));
}

// Somebody may have killed it.
std::optional<ChildProcess> Placeholders::TakeReady() {
  std::optional<ChildProcess> ready;
  {
    MutexLock lock(mutex_);
    ready.swap(ready_);
  }
  if (!ready || !ready->pidfd.WaitExit(0).value_or(true)) return ready;
  Reap(std::move(*ready));
  return std::nullopt;
}

void Placeholders::Reap(ChildProcess child) {
  {
    MutexLock lock(mutex_);
    ended_.push_back(std::move(child));
  }
  reactor_->Post([this] {
    ReapEnded();
    KeepOneReady();
  });
}

void Placeholders::Keep(ChildProcess child) {
  // More of them than calls can be waiting for systemd.
  constexpr size_t kMost = 256;
  std::optional<ChildProcess> oldest;
  {
    MutexLock lock(mutex_);
    kept_.push_back(std::move(child));
    if (kept_.size() <= kMost) return;
    oldest = std::move(kept_.front());
    kept_.pop_front();
  }
  Reap(std::move(*oldest));
}

void Placeholders::ReapEnded() {
  std::vector<ChildProcess> ended;
  {
    MutexLock lock(mutex_);
    ended.swap(ended_);
  }
  for (ChildProcess& child : ended) {
    int pidfd = child.pidfd.get();
    dying_.emplace(pidfd, std::move(child));
    Result<> watched = loop_.Add(pidfd, EPOLLIN, [this, pidfd](uint32_t) { OnEnd(pidfd); });
    if (!watched) OnEnd(pidfd);  // waits
  }
}

void Placeholders::OnEnd(int pidfd) {
  loop_.Remove(pidfd);
  auto ended = dying_.extract(pidfd);
  (void)davit::Reap(ended.mapped());
}

// Without one, the next start makes its own, and has the error.
void Placeholders::KeepOneReady() {
  {
    MutexLock lock(mutex_);
    if (ready_) return;
  }
  Result<ChildProcess> child = Spawn(program_);
  MutexLock lock(mutex_);
  if (child) ready_ = std::move(*child);
}

}  // namespace davit::cri
