// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's index of sandboxes and containers.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cri/pods/pod.h"

namespace davit {

// Thread-safe. Holds no lock while anything else happens.
class PodTable {
 public:
  void AddSandbox(SandboxPtr sandbox) EXCLUDES(mutex_);
  // kFailedPrecondition when the container's sandbox is not in the table or not ready any more: a container
  // never slips in behind the removal of its sandbox.
  Result<> AddContainer(ContainerPtr container) EXCLUDES(mutex_);
  // Recovery: no such check.
  void RestoreContainer(ContainerPtr container) EXCLUDES(mutex_);

  void RemoveSandbox(const std::string& id) EXCLUDES(mutex_);
  void RemoveContainer(const std::string& id) EXCLUDES(mutex_);

  // By id or by a prefix of one that is unique. kNotFound, or kInvalidArgument when several match.
  Result<SandboxPtr> FindSandbox(const std::string& id) const EXCLUDES(mutex_);
  Result<ContainerPtr> FindContainer(const std::string& id) const EXCLUDES(mutex_);

  std::vector<SandboxPtr> Sandboxes() const EXCLUDES(mutex_);
  std::vector<ContainerPtr> Containers() const EXCLUDES(mutex_);
  std::vector<ContainerPtr> ContainersOf(const std::string& sandbox_id) const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, SandboxPtr> sandboxes_ GUARDED_BY(mutex_);
  std::map<std::string, ContainerPtr> containers_ GUARDED_BY(mutex_);
  std::map<std::string, std::vector<ContainerPtr>> by_sandbox_ GUARDED_BY(mutex_);
};

}  // namespace davit
