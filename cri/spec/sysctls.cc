// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/sysctls.h"

#include <algorithm>
#include <string_view>

#include "cri/spec/field.h"

namespace davit {
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

}  // namespace

Result<std::vector<Sysctl>> NamespacedSysctls(const std::map<std::string, std::string>& sysctls,
                                              OwnNamespaces own) {
  std::vector<Sysctl> result;
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

}  // namespace davit
