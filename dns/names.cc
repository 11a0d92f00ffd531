// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/names.h"

#include <algorithm>

namespace davit::dns {
namespace {

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lowered;
}

}  // namespace

Names::Names(std::string_view domain) : domain_("." + Lowered(domain)) {}

void Names::Put(const Member& member) {
  MutexLock lock(mutex_);
  RemoveLocked(member.id);
  for (const std::string& name : member.names) by_name_[Lowered(name)].insert(member.id);
  for (const cni::IpAddress& address : member.addresses) by_address_[address] = member.id;
  members_[member.id] = member;
}

void Names::Remove(const std::string& id) {
  MutexLock lock(mutex_);
  RemoveLocked(id);
}

void Names::RemoveLocked(const std::string& id) {
  auto member = members_.extract(id);
  if (member.empty()) return;
  for (const std::string& text : member.mapped().names) {
    auto name = by_name_.find(Lowered(text));
    if (name == by_name_.end()) continue;
    name->second.erase(id);
    if (name->second.empty()) by_name_.erase(name);
  }
  for (const cni::IpAddress& address : member.mapped().addresses)
    if (auto at = by_address_.find(address); at != by_address_.end() && at->second == id)
      by_address_.erase(at);
}

std::optional<std::vector<cni::IpAddress>> Names::Find(const std::string& name) const {
  MutexLock lock(mutex_);
  auto found = by_name_.find(name);
  if (found == by_name_.end() && name.ends_with(domain_))
    found = by_name_.find(name.substr(0, name.size() - domain_.size()));
  if (found == by_name_.end()) return std::nullopt;
  std::vector<cni::IpAddress> addresses;
  for (const std::string& id : found->second) {
    const std::vector<cni::IpAddress>& of_member = members_.at(id).addresses;
    addresses.insert(addresses.end(), of_member.begin(), of_member.end());
  }
  return addresses;
}

const Member* Names::MemberAt(const cni::IpAddress& address) const {
  auto id = by_address_.find(address);
  return id == by_address_.end() ? nullptr : &members_.at(id->second);
}

std::optional<std::string> Names::NameOf(const cni::IpAddress& address) const {
  MutexLock lock(mutex_);
  const Member* member = MemberAt(address);
  if (member == nullptr || member->names.empty()) return std::nullopt;
  return member->names.front() + domain_;
}

std::vector<ServerAddress> Names::ServersOf(const cni::IpAddress& address) const {
  MutexLock lock(mutex_);
  const Member* member = MemberAt(address);
  return member == nullptr ? std::vector<ServerAddress>() : member->servers;
}

}  // namespace davit::dns
