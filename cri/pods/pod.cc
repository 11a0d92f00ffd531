// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/pod.h"

#include "base/duplicate.h"

namespace davit::cri {

void Sandbox::SetShim(ShimPtr shim) {
  MutexLock lock(mutex_);
  shim_ = std::move(shim);
}

ShimPtr Sandbox::shim() const {
  MutexLock lock(mutex_);
  return shim_;
}

Result<ShimPtr> Sandbox::LiveShim() const {
  ShimPtr shim = this->shim();
  if (shim != nullptr && shim->alive()) return shim;
  return Fail(Code::kUnavailable, "reach shim of sandbox", id_, "it is gone or does not answer yet");
}

Result<> Sandbox::BecomeReady(const std::function<void(SandboxRecord&)>& complete) {
  Result<> outcome;
  TRY(record_.TryChange([&](SandboxRecord& r) {
    MutexLock lock(mutex_);
    if (shim_ == nullptr || !shim_->alive())
      outcome = Fail(Code::kUnavailable, "start sandbox", id_, "its shim died");
    else if (!phases::BecomeReady(r))
      outcome = Fail(Code::kFailedPrecondition, "start sandbox", id_, "it was stopped meanwhile");
    else
      complete(r);
    return outcome.has_value();
  }));
  return outcome;
}

void Sandbox::SetUserNamespace(UniqueFd user_namespace) {
  MutexLock lock(mutex_);
  user_namespace_ = std::move(user_namespace);
}

Result<UniqueFd> Sandbox::DuplicateUserNamespace() const {
  MutexLock lock(mutex_);
  if (!user_namespace_) return UniqueFd();
  return Duplicate(user_namespace_.get(), id_);
}

void Container::SetProcess(PidFd init) {
  MutexLock lock(mutex_);
  init_ = std::move(init);
}

void Container::ReleaseLayers() {
  images::LayerHold released;
  MutexLock lock(mutex_);
  std::swap(released, layers_);  // released after the lock
}

Result<> Container::Signal(int signo) const {
  MutexLock lock(mutex_);
  if (!init_.valid()) return Fail(Code::kNotFound, "signal", id_, "the container has no process");
  return init_.Signal(signo);
}

Result<UniqueFd> Container::DuplicateProcess() const {
  MutexLock lock(mutex_);
  if (!init_.valid())
    return Fail(Code::kFailedPrecondition, "find process of container", id_, "it is not running");
  return Duplicate(init_.get(), id_);
}

}  // namespace davit::cri
