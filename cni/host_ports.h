// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ports of the host that lead into pods, and who holds them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/subnet.h"

namespace davit {

enum class Protocol : uint8_t { kTcp, kUdp, kSctp };

std::string_view ProtocolName(Protocol protocol);  // "tcp"
uint8_t ProtocolNumber(Protocol protocol);         // IPPROTO_*

// A port that a pod asks for.
struct PortMapping {
  Protocol protocol = Protocol::kTcp;
  std::string host_ip;     // empty: every address of the host; 0.0.0.0 and ::: every one of that family
  uint16_t host_port = 0;  // 0: none wanted, the mapping is skipped
  uint16_t container_port = 0;

  auto operator<=>(const PortMapping&) const = default;
};

// A port of one family: what becomes an element of a map.
struct HostPort {
  Protocol protocol = Protocol::kTcp;
  IpAddress host_ip;  // unspecified: every address of this family
  uint16_t port = 0;
  IpAddress pod;
  uint16_t pod_port = 0;

  // Whether a packet could be meant for both.
  bool Overlaps(const HostPort& other) const;
  std::string ToString() const;  // "tcp 0.0.0.0:8080"

  auto operator<=>(const HostPort&) const = default;
};

// One HostPort for each family that a mapping has in a pod of these addresses; a mapping given twice counts
// once. kInvalidArgument: not an address, port 0 in the pod, or an address of a family that the pod has none
// of.
Result<std::vector<HostPort>> ExpandMappings(const std::vector<PortMapping>& mappings,
                                             const std::vector<IpAddress>& pod_addresses);

// Which sandbox holds which port. Thread-safe; in memory: recovery claims again what it finds alive.
//
// A process of the host that listens on a claimed port is not looked for: as with every runtime that forwards
// by destination NAT, the pod gets the traffic from outside and the process nothing.
class HostPortClaims {
 public:
  // All or none. kAlreadyExists names port and holder. What the sandbox holds already it may claim again.
  Result<> Claim(const std::string& sandbox_id, const std::vector<HostPort>& ports) EXCLUDES(mutex_);

  // Those of `ports` that no other sandbox holds, so that a late clean-up leaves a port that was given away
  // alone.
  std::vector<HostPort> NotOfOthers(const std::string& sandbox_id, const std::vector<HostPort>& ports) const
      EXCLUDES(mutex_);

  void Release(const std::string& sandbox_id, const std::vector<HostPort>& ports) EXCLUDES(mutex_);
  void Clear() EXCLUDES(mutex_);

 private:
  using Key = std::pair<Protocol, uint16_t>;
  struct Entry {
    HostPort port;
    std::string sandbox_id;
  };

  const Entry* HeldByOther(const std::string& sandbox_id, const HostPort& port) const REQUIRES(mutex_);
  void Drop(const std::string& sandbox_id, const HostPort& port) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::multimap<Key, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace davit
