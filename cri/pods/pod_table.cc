// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/pods/pod_table.h"

#include <algorithm>

namespace davit::cri {
namespace {

template <typename Ptr>
bool Has(std::optional<Owner> owner, const Ptr& value) {
  return !owner || value->owner() == *owner;
}

template <typename Ptr>
Result<Ptr> FindByPrefix(const std::map<std::string, Ptr>& map, const std::string& kind,
                         const std::string& id, std::optional<Owner> owner) {
  if (id.empty()) return Fail(Code::kInvalidArgument, "find " + kind, "", "the id is empty");
  Ptr found;
  for (auto it = map.lower_bound(id); it != map.end() && it->first.starts_with(id); ++it) {
    if (!Has(owner, it->second)) continue;
    if (it->first == id) return it->second;
    if (found != nullptr)
      return Fail(Code::kInvalidArgument, "find " + kind, id, "several ids begin like this");
    found = it->second;
  }
  if (found == nullptr) return Fail(Code::kNotFound, "find " + kind, id, "no such " + kind);
  return found;
}

template <typename Ptr>
std::vector<Ptr> Values(const std::map<std::string, Ptr>& map, std::optional<Owner> owner) {
  std::vector<Ptr> values;
  values.reserve(map.size());
  for (const auto& [id, value] : map)
    if (Has(owner, value)) values.push_back(value);
  return values;
}

}  // namespace

void PodTable::AddSandbox(SandboxPtr sandbox) {
  MutexLock lock(mutex_);
  sandboxes_[sandbox->id()] = std::move(sandbox);
}

Result<> PodTable::AddContainer(ContainerPtr container) {
  MutexLock lock(mutex_);
  const std::string& sandbox_id = container->sandbox().id();
  if (!sandboxes_.contains(sandbox_id) || !container->sandbox().ready()) {
    return Fail(Code::kFailedPrecondition, "create container in sandbox", sandbox_id,
                "the sandbox is not ready");
  }
  by_sandbox_[sandbox_id].push_back(container);
  containers_[container->id()] = std::move(container);
  return {};
}

void PodTable::RestoreContainer(ContainerPtr container) {
  MutexLock lock(mutex_);
  by_sandbox_[container->sandbox().id()].push_back(container);
  containers_[container->id()] = std::move(container);
}

void PodTable::RemoveSandbox(const std::string& id) {
  MutexLock lock(mutex_);
  sandboxes_.erase(id);
  by_sandbox_.erase(id);
}

void PodTable::RemoveContainer(const std::string& id) {
  MutexLock lock(mutex_);
  auto it = containers_.find(id);
  if (it == containers_.end()) return;
  auto siblings = by_sandbox_.find(it->second->sandbox().id());
  if (siblings != by_sandbox_.end()) std::erase(siblings->second, it->second);
  containers_.erase(it);
}

Result<SandboxPtr> PodTable::FindSandbox(const std::string& id, Owner owner) const {
  MutexLock lock(mutex_);
  return FindByPrefix(sandboxes_, "sandbox", id, owner);
}

Result<ContainerPtr> PodTable::FindContainer(const std::string& id, Owner owner) const {
  MutexLock lock(mutex_);
  return FindByPrefix(containers_, "container", id, owner);
}

Result<SandboxPtr> PodTable::FindSandbox(const std::string& id) const {
  MutexLock lock(mutex_);
  return FindByPrefix(sandboxes_, "sandbox", id, /*owner=*/std::nullopt);
}

Result<ContainerPtr> PodTable::FindContainer(const std::string& id) const {
  MutexLock lock(mutex_);
  return FindByPrefix(containers_, "container", id, /*owner=*/std::nullopt);
}

std::vector<SandboxPtr> PodTable::Sandboxes(std::optional<Owner> owner) const {
  MutexLock lock(mutex_);
  return Values(sandboxes_, owner);
}

std::vector<ContainerPtr> PodTable::Containers(std::optional<Owner> owner) const {
  MutexLock lock(mutex_);
  return Values(containers_, owner);
}

std::vector<ContainerPtr> PodTable::ContainersOf(const std::string& sandbox_id) const {
  MutexLock lock(mutex_);
  auto it = by_sandbox_.find(sandbox_id);
  return it == by_sandbox_.end() ? std::vector<ContainerPtr>{} : it->second;
}

}  // namespace davit::cri
