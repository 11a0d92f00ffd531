// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/container.h"

namespace davit::local {

Result<LocalContainer::Claim> LocalContainer::Take(int64_t deadline_ms) {
  MutexLock lock(mutex_);
  while (claimed_) {
    if (!clock_.WaitUntil(changed_, mutex_, deadline_ms) && claimed_)
      return Fail(Code::kDeadlineExceeded, "wait for container", id_, "another operation is in progress");
  }
  claimed_ = true;
  return Claim(*this);
}

Result<> LocalContainer::CheckReadable(std::string_view step) const {
  if (definition_->unreadable.empty()) return {};
  return Fail(Code::kFailedPrecondition, step, name(), definition_->unreadable + "; it can be removed");
}

void LocalContainer::Unclaim() {
  MutexLock lock(mutex_);
  claimed_ = false;
  changed_.NotifyAll();
}

void LocalContainer::SetRun(std::optional<Run> run) {
  MutexLock lock(mutex_);
  run_ = std::move(run);
  changed_.NotifyAll();
}

std::optional<Run> LocalContainer::run() const {
  MutexLock lock(mutex_);
  return run_;
}

std::optional<Run> LocalContainer::AwaitRun(int64_t deadline_ms) const {
  MutexLock lock(mutex_);
  while (claimed_ && !run_) {
    if (!clock_.WaitUntil(changed_, mutex_, deadline_ms)) break;
  }
  return run_;
}

void LocalContainer::ReleaseLayers() {
  images::LayerHold released;
  MutexLock lock(mutex_);
  std::swap(released, layers_);  // released after the lock
}

}  // namespace davit::local
