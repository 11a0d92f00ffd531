// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Checks once, after a start of the daemon, whether pods still have the networks that were made for them.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "cri/network/pod_network.h"

namespace davit::cri {

// Thread-safe. A thread checks the pods one after the other, and ends. Plugins must not be called twice at a
// time for one pod (CNI specification, section 3): Drop a pod before anything else is done with its network.
class PodChecks {
 public:
  // Must return soon after `interrupt_fd` becomes readable.
  using Check = std::function<Result<>(const RecordedPod& pod, int interrupt_fd)>;
  using Report = std::function<void(const std::string& id, const Error& error)>;

  // `report` is called for each pod whose check fails, but not after Drop.
  static Result<std::unique_ptr<PodChecks>> Start(std::vector<RecordedPod> pods, Check check, Report report);
  // Interrupts a running check and waits for its end.
  ~PodChecks();

  // The pod is not checked any more; interrupts a running check of it and waits for its end.
  void Drop(const std::string& id) EXCLUDES(mutex_);

 private:
  PodChecks(std::vector<RecordedPod> pods, Check check, Report report, UniqueFd interrupt);
  void Run(const std::vector<RecordedPod>& pods) EXCLUDES(mutex_);
  bool Begin(const std::string& id) EXCLUDES(mutex_);
  bool Counts() EXCLUDES(mutex_);
  void End() EXCLUDES(mutex_);

  const Check check_;
  const Report report_;
  const UniqueFd interrupt_;  // eventfd
  Mutex mutex_;
  CondVar ended_;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::set<std::string> waiting_ GUARDED_BY(mutex_);  // the ids of pods that are still to be checked
  std::string running_ GUARDED_BY(mutex_);            // the id of the pod that is being checked
  bool running_dropped_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // last member, because it uses the others
};

}  // namespace davit::cri
