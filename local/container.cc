// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/container.h"

#include "base/guarded.h"

namespace davit::local {

// The write runs under the record's lock, once for each change.
cri::Persisted<LocalRecord>::Write LocalContainer::Telling(std::shared_ptr<EndWaits> waits,
                                                           cri::Persisted<LocalRecord>::Write write) {
  return [waits = std::move(waits), write = std::move(write)](const LocalRecord& record,
                                                              cri::RecordWriter::OnWritten on_written) {
    waits->OnChange(record);
    return write(record, std::move(on_written));
  };
}

Result<LocalContainer::Claim> LocalContainer::Take(int64_t deadline_ms) {
  MutexLock lock(mutex_);
  while (claimed_) {
    if (!clock_.WaitUntil(changed_, mutex_, deadline_ms) && claimed_)
      return Fail(Code::kDeadlineExceeded, "wait for container", id_, "another operation is in progress");
  }
  if (gone_) return Fail(Code::kNotFound, "find container", id_, "no such container");
  claimed_ = true;
  return Claim(*this);
}

std::optional<LocalContainer::Claim> LocalContainer::TryTake() {
  MutexLock lock(mutex_);
  if (claimed_) missed_ = true;
  if (claimed_ || gone_) return std::nullopt;
  claimed_ = true;
  return Claim(*this);
}

Result<> LocalContainer::CheckReadable(std::string_view step) const {
  if (definition_->unreadable.empty()) return {};
  return Fail(Code::kFailedPrecondition, step, name(), definition_->unreadable + "; it can be removed");
}

void LocalContainer::Unclaim() {
  bool missed = false;
  {
    MutexLock lock(mutex_);
    claimed_ = false;
    missed = std::exchange(missed_, false);
    changed_.NotifyAll();
  }
  RunGuarded("release", [&] { released_(*this, missed); });
}

void LocalContainer::SetRun(std::optional<Run> run) {
  MutexLock lock(mutex_);
  run_ = std::move(run);
  paused_ = false;
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

void LocalContainer::SetSandbox(std::optional<std::string> id) {
  MutexLock lock(mutex_);
  sandbox_ = std::move(id);
}

std::optional<std::string> LocalContainer::sandbox() const {
  MutexLock lock(mutex_);
  return sandbox_;
}

void LocalContainer::SetPaused(bool paused) {
  MutexLock lock(mutex_);
  paused_ = paused;
}

bool LocalContainer::paused() const {
  MutexLock lock(mutex_);
  return paused_;
}

void LocalContainer::CountStops(int change) {
  MutexLock lock(mutex_);
  stops_ += change;
}

bool LocalContainer::stopping() const {
  MutexLock lock(mutex_);
  return stops_ > 0;
}

void LocalContainer::SetGone() {
  images::LayerHold released;
  MutexLock lock(mutex_);
  gone_ = true;
  std::swap(released, layers_);  // released after the lock
}

Error AboutContainer(Error error) {
  if (error.code == Code::kNotFound || error.code == Code::kPermissionDenied)
    error.code = Code::kFailedPrecondition;
  return error;
}

}  // namespace davit::local
