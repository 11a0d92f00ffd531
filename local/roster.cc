// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/roster.h"

#include <algorithm>
#include <future>
#include <iterator>
#include <memory>
#include <string_view>

#include "base/plain_name.h"

namespace davit::local {
namespace {

constexpr size_t kMostNameBytes = 63;
constexpr size_t kShortId = 12;

}  // namespace

Result<> CheckContainerName(const std::string& name) {
  if (name.size() >= 2 && name.size() <= kMostNameBytes && IsPlainName(name)) return {};
  return Fail(Code::kInvalidArgument, "name container", name,
              "a name has 2 to 63 of [a-zA-Z0-9_.-] and begins with a letter or digit");
}

std::string NameFromImage(std::string_view image, std::string_view id) {
  image = image.substr(0, image.find('@'));
  if (size_t slash = image.rfind('/'); slash != std::string_view::npos) image.remove_prefix(slash + 1);
  image = image.substr(0, image.find(':')).substr(0, 40);
  std::string name;
  for (char c : image) {
    if (IsAlphanumeric(c)) name += c;
    if (!IsAlphanumeric(c) && !name.empty() && name.back() != '-') name += '-';
  }
  return (name.empty() ? "container" : name) + "-" + std::string(id.substr(0, 6));
}

Result<> Roster::Add(LocalContainerPtr container) {
  std::string name = container->name();
  MutexLock lock(mutex_);
  if (by_id_.size() >= kMost) {
    return Fail(Code::kResourceExhausted, "create container", name,
                "there are " + std::to_string(kMost) + " containers already");
  }
  TRY(ClaimName(name, container->id()));
  by_id_[container->id()] = std::move(container);
  return {};
}

// Lookups do not wait for the database meanwhile.
Result<> Roster::Rename(LocalContainer& container, const std::string& name) {
  TRY(CheckContainerName(name));
  auto written = std::make_shared<std::promise<Result<>>>();
  {
    MutexLock lock(mutex_);
    std::string before = container.name();
    if (before == name) return {};
    TRY(ClaimName(name, container.id()));
    bool renamed = container.record().TryChangeLater(
        [&](LocalRecord& r) {
          if (r.status == Status::kRemoving || r.gone) return false;
          r.name = name;
          return true;
        },
        [written](const Result<>& outcome) { written->set_value(outcome); });
    ids_.erase(renamed ? before : name);
    if (!renamed) return Fail(Code::kFailedPrecondition, "rename container", before, "it is being removed");
  }
  return written->get_future().get();
}

Result<> Roster::ClaimName(const std::string& name, const std::string& id) {
  auto [entry, added] = ids_.try_emplace(name, id);
  if (added) return {};
  return Fail(Code::kAlreadyExists, "name container", name,
              "the name is in use by container " + entry->second.substr(0, kShortId));
}

void Roster::Remove(const LocalContainer& container) {
  MutexLock lock(mutex_);
  std::string name = container.name();
  by_id_.erase(container.id());
  auto entry = ids_.find(name);
  if (entry != ids_.end() && entry->second == container.id()) ids_.erase(entry);
}

Result<LocalContainerPtr> Roster::Find(const std::string& text) const {
  if (text.empty()) return Fail(Code::kInvalidArgument, "find container", "", "the name is empty");
  MutexLock lock(mutex_);
  if (auto exact = by_id_.find(text); exact != by_id_.end()) return exact->second;
  if (auto named = ids_.find(text); named != ids_.end()) return by_id_.at(named->second);
  auto found = by_id_.lower_bound(text);
  if (found == by_id_.end() || !found->first.starts_with(text))
    return Fail(Code::kNotFound, "find container", text, "no such container");
  auto next = std::next(found);
  if (next != by_id_.end() && next->first.starts_with(text))
    return Fail(Code::kInvalidArgument, "find container", text, "several ids begin like this");
  return found->second;
}

LocalContainerPtr Roster::FindId(const std::string& id) const {
  MutexLock lock(mutex_);
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<LocalContainerPtr> Roster::All() const {
  MutexLock lock(mutex_);
  std::vector<LocalContainerPtr> all;
  for (const auto& [id, container] : by_id_) all.push_back(container);
  return all;
}

std::vector<std::string> Roster::Ids() const {
  MutexLock lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, container] : by_id_) ids.push_back(id);
  return ids;
}

}  // namespace davit::local
