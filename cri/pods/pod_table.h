// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's index of sandboxes and containers.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cri/pods/pod.h"

namespace davit::cri {

// Thread-safe. Never waits: its lock is held only during lookups and changes of the index.
class PodTable {
 public:
  void AddSandbox(SandboxPtr sandbox) EXCLUDES(mutex_);
  // kFailedPrecondition if the container's sandbox is not in the table or not ready any more, so that no
  // container can be added during the removal of its sandbox.
  Result<> AddContainer(ContainerPtr container) EXCLUDES(mutex_);
  // For recovery: adds the container without this check.
  void RestoreContainer(ContainerPtr container) EXCLUDES(mutex_);

  void RemoveSandbox(const std::string& id) EXCLUDES(mutex_);
  void RemoveContainer(const std::string& id) EXCLUDES(mutex_);

  // For requests: finds what `owner` has by id or by a unique prefix of it. kNotFound if none matches,
  // kInvalidArgument if several match or the id is empty.
  Result<SandboxPtr> FindSandbox(const std::string& id, Owner owner) const EXCLUDES(mutex_);
  Result<ContainerPtr> FindContainer(const std::string& id, Owner owner) const EXCLUDES(mutex_);
  // For the daemon itself, which knows whole ids: finds what anybody has.
  Result<SandboxPtr> FindSandbox(const std::string& id) const EXCLUDES(mutex_);
  Result<ContainerPtr> FindContainer(const std::string& id) const EXCLUDES(mutex_);

  // Of all owners, or of one.
  std::vector<SandboxPtr> Sandboxes(std::optional<Owner> owner = std::nullopt) const EXCLUDES(mutex_);
  std::vector<ContainerPtr> Containers(std::optional<Owner> owner = std::nullopt) const EXCLUDES(mutex_);
  std::vector<ContainerPtr> ContainersOf(const std::string& sandbox_id) const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, SandboxPtr> sandboxes_ GUARDED_BY(mutex_);
  std::map<std::string, ContainerPtr> containers_ GUARDED_BY(mutex_);
  std::map<std::string, std::vector<ContainerPtr>> by_sandbox_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
