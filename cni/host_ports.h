// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ports of the host that are forwarded to pods, and the sandboxes that hold them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "cni/subnet.h"

namespace davit::cni {

enum class Protocol : uint8_t { kTcp, kUdp, kSctp };

std::string_view ProtocolName(Protocol protocol);  // "tcp"
uint8_t ProtocolNumber(Protocol protocol);         // IPPROTO_*

// A port that a pod asks for.
struct PortMapping {
  Protocol protocol = Protocol::kTcp;
  std::string host_ip;     // empty: all host addresses; "0.0.0.0" or "::": all of that family
  uint16_t host_port = 0;  // 0: no host port; the mapping is skipped
  uint16_t container_port = 0;

  auto operator<=>(const PortMapping&) const = default;
};

// What a packet must match. The unspecified address orders before all others of its family.
using HostPortKey = std::tuple<Protocol, uint16_t, IpAddress>;

// A host port of one address family, stored as one element of a map.
struct HostPort {
  Protocol protocol = Protocol::kTcp;
  IpAddress host_ip;  // unspecified: every address of this family
  uint16_t port = 0;
  IpAddress pod;
  uint16_t pod_port = 0;

  HostPortKey key() const { return {protocol, port, host_ip}; }
  std::string ToString() const;  // "tcp 0.0.0.0:8080"

  auto operator<=>(const HostPort&) const = default;
};

// Returns one HostPort for each address family of each mapping; a mapping given twice counts once. A mapping
// of a family that the pod has no address of gives none. Within a pod, a mapping of one host address may
// overlap one of all: the packet goes where the former says. kInvalidArgument: host_ip is not an address, the
// pod's port is 0, or two mappings of one host port and address have different targets.
Result<std::vector<HostPort>> ExpandMappings(const std::vector<PortMapping>& mappings,
                                             const std::vector<IpAddress>& pod_addresses);

// The mappings with a host port for which the pod has no address of their family.
std::vector<PortMapping> WithoutAddress(const std::vector<PortMapping>& mappings,
                                        const std::vector<IpAddress>& pod_addresses);

// Records which sandbox holds which port. Thread-safe; in memory only: recovery claims the ports of live pods
// again.
//
// Host processes that listen on a claimed port are not detected: as with every runtime that forwards by
// destination NAT, traffic from outside reaches the pod and not that process.
class HostPortClaims {
 public:
  // All or none. kAlreadyExists names the port and its holder. A sandbox may claim again what it holds.
  Result<> Claim(const std::string& sandbox_id, const std::vector<HostPort>& ports) EXCLUDES(mutex_);

  // The sandboxes that hold ports which overlap these.
  std::vector<std::string> HoldersOf(const std::vector<HostPort>& ports) const EXCLUDES(mutex_);

  // Those of `ports` that no other sandbox holds, so that a late clean-up does not close a port that another
  // sandbox has claimed meanwhile.
  std::vector<HostPort> NotOfOthers(const std::string& sandbox_id, const std::vector<HostPort>& ports) const
      EXCLUDES(mutex_);

  void Release(const std::string& sandbox_id, const std::vector<HostPort>& ports) EXCLUDES(mutex_);
  void Clear() EXCLUDES(mutex_);

 private:
  struct Entry {
    HostPort port;
    std::string sandbox_id;
  };

  const Entry* HeldByOther(const std::string& sandbox_id, const HostPort& port) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  // Entries of different sandboxes never overlap.
  std::map<HostPortKey, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace davit::cni
