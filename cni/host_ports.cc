// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/host_ports.h"

#include <netinet/in.h>

#include <utility>

#include "cni/host_port_index.h"

namespace davit::cni {
namespace {

Result<std::vector<IpAddress>> HostAddresses(const PortMapping& mapping) {
  if (mapping.host_ip.empty()) return std::vector<IpAddress>{{AF_INET, {}}, {AF_INET6, {}}};
  return std::vector<IpAddress>{TRY(IpAddress::Parse(mapping.host_ip))};
}

// The ports of a pod, in the order of its mappings.
class PodPorts {
 public:
  Result<> Add(const HostPort& port) {
    auto [known, added] = by_key_.emplace(port.key(), port);
    if (added) ports_.push_back(port);
    if (known->second == port) return {};
    return Fail(Code::kInvalidArgument, "map host port", port.ToString(),
                "the pod asks for it twice, with another target as " + known->second.ToString());
  }

  std::vector<HostPort> Take() && { return std::move(ports_); }

 private:
  std::map<HostPortKey, HostPort> by_key_;
  std::vector<HostPort> ports_;
};

Result<> ExpandMapping(const PortMapping& mapping, const std::vector<IpAddress>& pod_addresses,
                       PodPorts& ports) {
  std::string subject = std::string(ProtocolName(mapping.protocol)) + " " + std::to_string(mapping.host_port);
  if (mapping.container_port == 0)
    return Fail(Code::kInvalidArgument, "map host port", subject, "container port is 0");
  for (const IpAddress& host_ip : TRY(HostAddresses(mapping))) {
    for (const IpAddress& pod : pod_addresses) {
      if (pod.family != host_ip.family) continue;
      TRY(ports.Add({mapping.protocol, host_ip, mapping.host_port, pod, mapping.container_port}));
    }
  }
  return {};
}

}  // namespace

std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "tcp";
    case Protocol::kUdp:
      return "udp";
    case Protocol::kSctp:
      return "sctp";
  }
  return "unknown protocol";
}

uint8_t ProtocolNumber(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return IPPROTO_TCP;
    case Protocol::kUdp:
      return IPPROTO_UDP;
    case Protocol::kSctp:
      return IPPROTO_SCTP;
  }
  return IPPROTO_RAW;
}

std::string HostPort::ToString() const {
  std::string address = host_ip.family == AF_INET ? host_ip.ToString() : "[" + host_ip.ToString() + "]";
  return std::string(ProtocolName(protocol)) + " " + address + ":" + std::to_string(port);
}

Result<std::vector<HostPort>> ExpandMappings(const std::vector<PortMapping>& mappings,
                                             const std::vector<IpAddress>& pod_addresses) {
  PodPorts ports;
  for (const PortMapping& mapping : mappings)
    if (mapping.host_port != 0) TRY(ExpandMapping(mapping, pod_addresses, ports));
  return std::move(ports).Take();
}

std::vector<PortMapping> WithoutAddress(const std::vector<PortMapping>& mappings,
                                        const std::vector<IpAddress>& pod_addresses) {
  std::vector<PortMapping> without;
  for (const PortMapping& mapping : mappings) {
    Result<std::vector<HostPort>> ports = ExpandMappings({mapping}, pod_addresses);
    if (mapping.host_port != 0 && ports && ports->empty()) without.push_back(mapping);
  }
  return without;
}

Result<> HostPortClaims::Claim(const std::string& sandbox_id, const std::vector<HostPort>& ports) {
  MutexLock lock(mutex_);
  for (const HostPort& port : ports)
    if (const Entry* entry = HeldByOther(sandbox_id, port))
      return Fail(Code::kAlreadyExists, "claim host port", port.ToString(),
                  "sandbox " + entry->sandbox_id + " holds " + entry->port.ToString());
  // An allocation that throws leaves no part of them: merging allocates nothing.
  std::map<HostPortKey, Entry> claimed;
  for (const HostPort& port : ports) claimed.insert_or_assign(port.key(), Entry{port, sandbox_id});
  entries_.merge(claimed);
  for (auto& [key, entry] : claimed) entries_.at(key) = std::move(entry);  // held before
  return {};
}

std::vector<std::string> HostPortClaims::HoldersOf(const std::vector<HostPort>& ports) const {
  MutexLock lock(mutex_);
  std::vector<std::string> holders;
  for (const HostPort& port : ports) {
    auto [first, last] = Overlapping(entries_, port);
    for (auto entry = first; entry != last; ++entry) holders.push_back(entry->second.sandbox_id);
  }
  return holders;
}

std::vector<HostPort> HostPortClaims::NotOfOthers(const std::string& sandbox_id,
                                                  const std::vector<HostPort>& ports) const {
  MutexLock lock(mutex_);
  std::vector<HostPort> left;
  for (const HostPort& port : ports)
    if (HeldByOther(sandbox_id, port) == nullptr) left.push_back(port);
  return left;
}

void HostPortClaims::Release(const std::string& sandbox_id, const std::vector<HostPort>& ports) {
  MutexLock lock(mutex_);
  for (const HostPort& port : ports) {
    auto entry = entries_.find(port.key());
    if (entry != entries_.end() && entry->second.sandbox_id == sandbox_id) entries_.erase(entry);
  }
}

void HostPortClaims::Clear() {
  MutexLock lock(mutex_);
  entries_.clear();
}

const HostPortClaims::Entry* HostPortClaims::HeldByOther(const std::string& sandbox_id,
                                                         const HostPort& port) const {
  auto [first, last] = Overlapping(entries_, port);
  for (auto entry = first; entry != last; ++entry)
    if (entry->second.sandbox_id != sandbox_id) return &entry->second;
  return nullptr;
}

}  // namespace davit::cni
