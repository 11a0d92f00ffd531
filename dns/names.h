// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The names of a network's containers.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_annotations.h"
#include "cni/subnet.h"
#include "dns/server_address.h"

namespace davit::dns {

struct Member {
  std::string id;
  std::vector<std::string> names = {};  // the first is the answer for its addresses
  std::vector<cni::IpAddress> addresses = {};
  std::vector<ServerAddress> servers = {};  // which its other questions go to; empty: the host's
};

// Several members may have one name, which then has the addresses of all. Upper and lower case are the same.
// Thread-safe.
class Names {
 public:
  // A name can also be written with the domain behind it: "db.back".
  explicit Names(std::string_view domain);

  // Replaces what there was of the same id.
  void Put(const Member& member) EXCLUDES(mutex_);
  // No-op if there is no such member.
  void Remove(const std::string& id) EXCLUDES(mutex_);

  // `name` as in Query. nullopt if no member has it.
  std::optional<std::vector<cni::IpAddress>> Find(const std::string& name) const EXCLUDES(mutex_);
  // With the domain.
  std::optional<std::string> NameOf(const cni::IpAddress& address) const EXCLUDES(mutex_);
  // Empty for the host's, and for an address of no member.
  std::vector<ServerAddress> ServersOf(const cni::IpAddress& address) const EXCLUDES(mutex_);

 private:
  void RemoveLocked(const std::string& id) REQUIRES(mutex_);
  const Member* MemberAt(const cni::IpAddress& address) const REQUIRES(mutex_);

  const std::string domain_;  // with the dot before it
  mutable Mutex mutex_;
  std::map<std::string, Member> members_ GUARDED_BY(mutex_);                 // by id
  std::map<std::string, std::set<std::string>> by_name_ GUARDED_BY(mutex_);  // ids
  std::map<cni::IpAddress, std::string> by_address_ GUARDED_BY(mutex_);      // id
};

}  // namespace davit::dns
