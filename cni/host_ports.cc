// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/host_ports.h"

#include <netinet/in.h>

#include <algorithm>

namespace davit::cni {
namespace {

Result<std::vector<IpAddress>> HostAddresses(const PortMapping& mapping) {
  if (mapping.host_ip.empty()) return std::vector<IpAddress>{{AF_INET, {}}, {AF_INET6, {}}};
  return std::vector<IpAddress>{TRY(IpAddress::Parse(mapping.host_ip))};
}

Result<> ExpandMapping(const PortMapping& mapping, const std::vector<IpAddress>& pod_addresses,
                       std::vector<HostPort>* ports) {
  std::string subject = std::string(ProtocolName(mapping.protocol)) + " " + std::to_string(mapping.host_port);
  if (mapping.container_port == 0)
    return Fail(Code::kInvalidArgument, "map host port", subject, "container port is 0");
  bool found = false;
  for (const IpAddress& host_ip : TRY(HostAddresses(mapping))) {
    for (const IpAddress& pod : pod_addresses) {
      if (pod.family != host_ip.family) continue;
      found = true;
      HostPort port{mapping.protocol, host_ip, mapping.host_port, pod, mapping.container_port};
      if (std::ranges::find(*ports, port) == ports->end()) ports->push_back(port);
    }
  }
  if (!found)
    return Fail(Code::kInvalidArgument, "map host port", subject,
                "the pod has no address of the family of " + mapping.host_ip);
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

bool HostPort::Overlaps(const HostPort& other) const {
  return protocol == other.protocol && port == other.port && host_ip.family == other.host_ip.family &&
         (host_ip.IsUnspecified() || other.host_ip.IsUnspecified() || host_ip == other.host_ip);
}

std::string HostPort::ToString() const {
  std::string address = host_ip.family == AF_INET ? host_ip.ToString() : "[" + host_ip.ToString() + "]";
  return std::string(ProtocolName(protocol)) + " " + address + ":" + std::to_string(port);
}

Result<std::vector<HostPort>> ExpandMappings(const std::vector<PortMapping>& mappings,
                                             const std::vector<IpAddress>& pod_addresses) {
  std::vector<HostPort> ports;
  for (const PortMapping& mapping : mappings)
    if (mapping.host_port != 0) TRY(ExpandMapping(mapping, pod_addresses, &ports));
  for (size_t i = 0; i < ports.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (ports[i].Overlaps(ports[j]))
        return Fail(Code::kInvalidArgument, "map host port", ports[i].ToString(),
                    "the pod asks for it twice, with another target as " + ports[j].ToString());
  return ports;
}

Result<> HostPortClaims::Claim(const std::string& sandbox_id, const std::vector<HostPort>& ports) {
  MutexLock lock(mutex_);
  for (const HostPort& port : ports)
    if (const Entry* entry = HeldByOther(sandbox_id, port))
      return Fail(Code::kAlreadyExists, "claim host port", port.ToString(),
                  "sandbox " + entry->sandbox_id + " holds " + entry->port.ToString());
  for (const HostPort& port : ports) {
    Drop(sandbox_id, port);
    entries_.emplace(Key{port.protocol, port.port}, Entry{port, sandbox_id});
  }
  return {};
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
  for (const HostPort& port : ports) Drop(sandbox_id, port);
}

void HostPortClaims::Clear() {
  MutexLock lock(mutex_);
  entries_.clear();
}

const HostPortClaims::Entry* HostPortClaims::HeldByOther(const std::string& sandbox_id,
                                                         const HostPort& port) const {
  auto [begin, end] = entries_.equal_range({port.protocol, port.port});
  for (auto it = begin; it != end; ++it)
    if (it->second.sandbox_id != sandbox_id && it->second.port.Overlaps(port)) return &it->second;
  return nullptr;
}

void HostPortClaims::Drop(const std::string& sandbox_id, const HostPort& port) {
  auto [begin, end] = entries_.equal_range({port.protocol, port.port});
  for (auto it = begin; it != end;) {
    bool same = it->second.sandbox_id == sandbox_id && it->second.port.host_ip == port.host_ip;
    it = same ? entries_.erase(it) : std::next(it);
  }
}

}  // namespace davit::cni
