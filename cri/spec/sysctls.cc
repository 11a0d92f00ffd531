// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/sysctls.h"

#include <algorithm>
#include <string_view>

#include "cri/spec/field.h"

namespace davit::cri {
namespace {

constexpr std::string_view kField = "linux.sysctls";

// ipc/ipc_sysctl.c
constexpr std::string_view kIpc[] = {
    "kernel/shmmax",      "kernel/shmall",      "kernel/shmmni", "kernel/shm_rmid_forced",
    "kernel/shm_next_id", "kernel/msgmax",      "kernel/msgmnb", "kernel/msgmni",
    "kernel/auto_msgmni", "kernel/msg_next_id", "kernel/sem",    "kernel/sem_next_id",
};
constexpr std::string_view kMqueuePrefix = "fs/mqueue/";
constexpr std::string_view kNetPrefix = "net/";
// Directories with one directory for each interface.
constexpr std::string_view kInterfaces[] = {"net/ipv4/conf/", "net/ipv4/neigh/", "net/ipv6/conf/",
                                            "net/ipv6/neigh/", "net/mpls/conf/"};
constexpr std::string_view kWithoutInterface[] = {"all", "default", "lo"};
constexpr char kPortStart[] = "net/ipv4/ip_unprivileged_port_start";
constexpr char kPingGroups[] = "net/ipv4/ping_group_range";
constexpr std::string_view kDomainName =
    "kernel/domainname";  // kernel.hostname is PodSandboxConfig.hostname's

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || c == ':' || c == '@';
}

// "net.ipv4.conf.eth0/100.forwarding" and "net/ipv4/conf/eth0.100/forwarding" are the same parameter.
Result<std::string> PathOf(const std::string& name) {
  std::string path = name;
  size_t separator = path.find_first_of("./");
  if (separator != std::string::npos && path[separator] == '.') {
    for (char& c : path) c = c == '.' ? '/' : c == '/' ? '.' : c;
  }
  std::string_view rest = path;
  while (true) {
    size_t slash = rest.find('/');
    std::string_view component = rest.substr(0, slash);
    bool fine = !component.empty() && component != "." && component != ".." &&
                std::ranges::all_of(component, IsNameCharacter);
    if (!fine) return BadField(kField, name, "is not the name of a kernel parameter");
    if (slash == std::string_view::npos) return path;
    rest.remove_prefix(slash + 1);
  }
}

Result<> CheckNamespaced(const std::string& name, const std::string& path, OwnNamespaces own) {
  bool ipc = std::ranges::find(kIpc, path) != std::end(kIpc) || path.starts_with(kMqueuePrefix);
  bool network = path.starts_with(kNetPrefix) || path == kDomainName;
  if (!ipc && !network) return BadField(kField, name, "does not belong to a namespace");
  if (ipc && !own.ipc) return BadField(kField, name, "would change the host: the pod uses its IPC namespace");
  if (network && !own.network)
    return BadField(kField, name, "would change the host: the pod uses its network namespace");
  return {};
}

void AddUnlessSet(std::vector<shim::Sysctl>& sysctls, shim::Sysctl added) {
  if (std::ranges::find(sysctls, added.path, &shim::Sysctl::path) == sysctls.end())
    sysctls.push_back(std::move(added));
}

}  // namespace

Result<std::vector<shim::Sysctl>> NamespacedSysctls(const std::map<std::string, std::string>& sysctls,
                                                    OwnNamespaces own) {
  std::vector<shim::Sysctl> result;
  for (const auto& [name, value] : sysctls) {
    std::string path = TRY(PathOf(name));
    TRY(CheckNamespaced(name, path, own));
    if (value.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
      return BadField(std::string(kField) + "." + name, value, "is not a single line");
    }
    result.push_back({path, value});
  }
  return result;
}

void AddDefaultSysctls(const SysctlDefaults& defaults, OwnNamespaces own, bool user_namespace,
                       std::vector<shim::Sysctl>& sysctls) {
  if (!own.network) return;
  if (defaults.unprivileged_ports) AddUnlessSet(sysctls, {kPortStart, "0"});
  if (defaults.unprivileged_icmp && !user_namespace) AddUnlessSet(sysctls, {kPingGroups, "0 2147483647"});
}

bool BelongsToInterface(const shim::Sysctl& sysctl) {
  auto in =
      std::ranges::find_if(kInterfaces, [&sysctl](std::string_view d) { return sysctl.path.starts_with(d); });
  if (in == std::end(kInterfaces)) return false;
  std::string_view rest = std::string_view(sysctl.path).substr(in->size());
  return std::ranges::find(kWithoutInterface, rest.substr(0, rest.find('/'))) == std::end(kWithoutInterface);
}

}  // namespace davit::cri
