// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/pod_checks.h"

#include <sys/eventfd.h>

#include <utility>

#include "base/guarded.h"

namespace davit::cri {

Result<std::unique_ptr<PodChecks>> PodChecks::Start(std::vector<RecordedPod> pods, Check check,
                                                    Report report) {
  UniqueFd interrupt(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!interrupt) return SystemError("eventfd", "checks of pods");
  return std::unique_ptr<PodChecks>(
      new PodChecks(std::move(pods), std::move(check), std::move(report), std::move(interrupt)));
}

PodChecks::PodChecks(std::vector<RecordedPod> pods, Check check, Report report, UniqueFd interrupt)
    : check_(std::move(check)), report_(std::move(report)), interrupt_(std::move(interrupt)) {
  for (const RecordedPod& pod : pods) waiting_.insert(pod.record.id);
  // The thread has the pods as long as it needs them.
  thread_ = std::jthread([this, pods = std::move(pods)] { Run(pods); });
}

PodChecks::~PodChecks() {
  MutexLock lock(mutex_);
  stop_ = true;
  eventfd_write(interrupt_.get(), 1);
}

void PodChecks::Drop(const std::string& id) {
  MutexLock lock(mutex_);
  waiting_.erase(id);
  if (running_ != id) return;
  running_dropped_ = true;
  eventfd_write(interrupt_.get(), 1);
  while (running_ == id) ended_.Wait(mutex_);
}

void PodChecks::Run(const std::vector<RecordedPod>& pods) {
  for (const RecordedPod& pod : pods) {
    if (!Begin(pod.record.id)) continue;
    Result<> works = Guarded("check", "network of pod", [&] { return check_(pod, interrupt_.get()); });
    if (!works && Counts()) RunGuarded("checks of pods", [&] { report_(pod.record.id, works.error()); });
    End();
  }
}

bool PodChecks::Begin(const std::string& id) {
  MutexLock lock(mutex_);
  if (stop_ || waiting_.erase(id) == 0) return false;
  eventfd_t of_an_earlier_pod = 0;
  eventfd_read(interrupt_.get(), &of_an_earlier_pod);
  running_ = id;
  running_dropped_ = false;
  return true;
}

// False if the check was interrupted, or was about to be.
bool PodChecks::Counts() {
  MutexLock lock(mutex_);
  return !stop_ && !running_dropped_;
}

void PodChecks::End() {
  MutexLock lock(mutex_);
  running_.clear();
  ended_.NotifyAll();
}

}  // namespace davit::cri
