// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/spec_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>

#include "cri/service/field_limits.h"
#include "local/health.h"
#include "local/network_plan.h"
#include "local/volume_plan.h"
#include "local/volumes.h"

namespace davit::local {
namespace {

namespace api = ::davit::v1;

using cri::LimitCount;
using cri::LimitText;
using cri::RequireText;

constexpr size_t kMostTextBytes = 65'536;
constexpr int kMostEntries = 1000;
constexpr uint32_t kMostPort = 65'535;
constexpr size_t kShownBytes = 256;  // of a text that may be long
constexpr char kUnconfined[] = "unconfined";

std::unexpected<Error> Bad(std::string_view field, std::string_view value, std::string_view why) {
  return Fail(Code::kInvalidArgument, field, value, why);
}

std::unexpected<Error> TooLarge(std::string_view field, size_t bytes) {
  return Bad(
      field, "",
      "has " + std::to_string(bytes) + " bytes; at most " + std::to_string(kMostSpecBytes) + " are allowed");
}

template <typename Texts>
Result<> CheckTexts(const char* field, const Texts& texts) {
  TRY(LimitCount(field, texts.size(), kMostEntries));
  for (const std::string& text : texts) TRY(LimitText(field, text, kMostTextBytes));
  return {};
}

Result<> CheckEnvironment(const api::ContainerSpec& spec) {
  TRY(CheckTexts("env", spec.env()));
  for (int i = 0; i < spec.env_size(); ++i) {
    size_t equals = spec.env(i).find('=');
    if (equals == 0 || equals == std::string::npos)
      return Bad("env", "entry " + std::to_string(i + 1), "is not NAME=VALUE");
  }
  return {};
}

template <typename Map>
Result<> CheckMap(const char* field, const Map& map) {
  TRY(LimitCount(field, static_cast<int>(map.size()), kMostEntries));
  for (const auto& [key, value] : map) {
    TRY(RequireText(field, key, kMostTextBytes));
    TRY(LimitText(field, value, kMostTextBytes));
  }
  return {};
}

Result<> CheckAddress(const std::string& text) {
  unsigned char address[sizeof(in6_addr)];
  TRY(LimitText("ports.host_ip", text, INET6_ADDRSTRLEN));
  if (text.empty() || inet_pton(AF_INET, text.c_str(), address) == 1 ||
      inet_pton(AF_INET6, text.c_str(), address) == 1)
    return {};
  return Bad("ports.host_ip", text, "is not an IP address");
}

Result<> CheckPorts(const api::ContainerSpec& spec) {
  TRY(LimitCount("ports", spec.ports_size(), kMostEntries));
  for (const api::PortMapping& port : spec.ports()) {
    TRY(CheckAddress(port.host_ip()));
    for (uint32_t number : {port.host_port(), port.container_port()}) {
      if (number == 0 || number > kMostPort)
        return Bad("ports", std::to_string(number), "is not within 1 and 65535");
    }
    if (!api::PortMapping::Protocol_IsValid(port.protocol()))
      return Bad("ports.protocol", std::to_string(port.protocol()), "is not a protocol");
  }
  bool bridged = spec.network() != api::ContainerSpec::HOST && spec.network() != api::ContainerSpec::NONE;
  if (spec.ports_size() > 0 && !bridged)
    return Bad("ports", "",
               "cannot be published: only a container in the network bridge has ports of its own");
  return {};
}

Result<> CheckPath(const char* field, const std::string& path) {
  TRY(LimitText(field, path, kMostTextBytes));
  if (!path.starts_with('/')) return Bad(field, path, "is not an absolute path");
  if (path.find('\0') != std::string::npos) return Bad(field, path, "contains a NUL byte");
  return {};
}

Result<> CheckTarget(const char* field, const std::string& path) {
  TRY(CheckPath(field, path));
  if (path.find_first_not_of('/') == std::string::npos)
    return Bad(field, path, "is the container's root, which cannot be a mount");
  return {};
}

Result<> CheckMounts(const api::ContainerSpec& spec) {
  TRY(LimitCount("mounts", spec.mounts_size(), kMostEntries));
  for (const api::BindMount& mount : spec.mounts()) {
    TRY(CheckPath("mounts", mount.source()));
    TRY(CheckTarget("mounts", mount.target()));
  }
  return {};
}

Result<> CheckVolumes(const api::ContainerSpec& spec) {
  TRY(LimitCount("volumes", spec.volumes_size(), kMostVolumesOfContainer));
  for (const api::VolumeMount& volume : spec.volumes()) {
    if (!volume.volume().empty()) TRY(CheckVolumeName(volume.volume()));
    TRY(CheckTarget("volumes", volume.target()));
  }
  return {};
}

Result<> CheckVolumesFrom(const api::ContainerSpec& spec) {
  constexpr size_t kMostContainerBytes = 255;
  TRY(LimitCount("volumes_from", spec.volumes_from_size(), kMostVolumesOfContainer));
  for (const api::VolumesFrom& from : spec.volumes_from())
    TRY(RequireText("volumes_from", from.container(), kMostContainerBytes));
  return {};
}

Result<> CheckTmpfs(const api::ContainerSpec& spec) {
  constexpr uint32_t kMostMode = 07777;
  constexpr uint32_t kMostId = std::numeric_limits<int32_t>::max();  // as everywhere (CheckId)
  TRY(LimitCount("tmpfs", spec.tmpfs_size(), kMostVolumesOfContainer));
  for (const api::TmpfsMount& mount : spec.tmpfs()) {
    TRY(CheckTarget("tmpfs", mount.target()));
    if (mount.mode() > kMostMode) return Bad("tmpfs.mode", std::to_string(mount.mode()), "is not a mode");
    for (uint32_t id : {mount.uid(), mount.gid()})
      if (id > kMostId) return Bad("tmpfs", std::to_string(id), "is not an id of a user or a group");
  }
  return {};
}

Result<> CheckSwap(const api::ContainerSpec& spec) {
  int64_t both = spec.memory_swap_bytes();
  if (both == 0) return {};
  if (both < -1) return Bad("memory_swap_bytes", std::to_string(both), "is negative");
  if (spec.memory_bytes() == 0)
    return Bad("memory_swap_bytes", std::to_string(both), "needs a limit of memory as well");
  if (both > 0 && both < spec.memory_bytes())
    return Bad("memory_swap_bytes", std::to_string(both),
               "is less than the limit of memory, which it includes");
  return {};
}

Result<> CheckResources(const api::ContainerSpec& spec) {
  constexpr int64_t kLeastMemory = 6 << 20;  // with less, hardly any program starts; as in Docker
  if (spec.memory_bytes() < 0 || (spec.memory_bytes() > 0 && spec.memory_bytes() < kLeastMemory))
    return Bad("memory_bytes", std::to_string(spec.memory_bytes()), "is less than 6 MiB");
  constexpr int64_t kLeastNanoCpus = 10'000'000;  // the least quota of the kernel, 1 ms in 100 ms
  if (spec.nano_cpus() < 0 || (spec.nano_cpus() > 0 && spec.nano_cpus() < kLeastNanoCpus))
    return Bad("nano_cpus", std::to_string(spec.nano_cpus()), "is less than 0.01 CPUs");
  TRY(LimitText("cpuset_cpus", spec.cpuset_cpus(), kMostTextBytes));
  constexpr int64_t kMostShares = 262'144;  // the kernel's bounds
  if (spec.cpu_shares() != 0 && (spec.cpu_shares() < 2 || spec.cpu_shares() > kMostShares))
    return Bad("cpu_shares", std::to_string(spec.cpu_shares()), "is not within 2 and 262144");
  if (spec.pids_limit() < -1) return Bad("pids_limit", std::to_string(spec.pids_limit()), "is negative");
  return CheckSwap(spec);
}

// Addresses, names and sysctls are checked by the pod that gets them.
Result<> CheckDns(const api::ContainerSpec& spec) {
  TRY(CheckTexts("dns_servers", spec.dns_servers()));
  TRY(CheckTexts("dns_searches", spec.dns_searches()));
  return CheckTexts("dns_options", spec.dns_options());
}

Result<> CheckDevices(const api::ContainerSpec& spec) {
  TRY(CheckTexts("cdi_devices", spec.cdi_devices()));
  TRY(LimitCount("devices", spec.devices_size(), kMostEntries));
  for (const api::Device& device : spec.devices()) {
    TRY(LimitText("devices", device.container_path(), kMostTextBytes));
    TRY(LimitText("devices", device.permissions(), kMostTextBytes));
    if (!device.host_path().starts_with('/') || device.host_path().size() > kMostTextBytes)
      return Bad("devices", device.host_path().substr(0, kShownBytes), "is not an absolute path");
  }
  return {};
}

Result<> CheckNamespaces(const api::ContainerSpec& spec) {
  for (api::ContainerSpec::Namespace of : {spec.pid(), spec.ipc()}) {
    if (!api::ContainerSpec::Namespace_IsValid(of))
      return Bad("pid and ipc", std::to_string(of), "is not a namespace");
  }
  return {};
}

Result<> CheckShm(const api::ContainerSpec& spec) {
  constexpr uint64_t kLeastBytes = 4096;
  if (spec.shm_bytes() == 0) return {};
  if (spec.shm_bytes() < kLeastBytes || spec.shm_bytes() > std::numeric_limits<int64_t>::max())
    return Bad("shm_bytes", std::to_string(spec.shm_bytes()), "is not within 4096 bytes and 8 EiB");
  if (spec.ipc() == api::ContainerSpec::OF_HOST)
    return Bad("shm_bytes", std::to_string(spec.shm_bytes()),
               "needs an IPC namespace of the container's own");
  return {};
}

Result<> CheckConfinement(const api::ContainerSpec& spec) {
  TRY(CheckMap("sysctls", spec.sysctls()));
  TRY(LimitText("seccomp_profile", spec.seccomp_profile(), kMostTextBytes));
  TRY(LimitText("apparmor_profile", spec.apparmor_profile(), kMostTextBytes));
  const std::string& seccomp = spec.seccomp_profile();
  if (!seccomp.empty() && seccomp != kUnconfined && !seccomp.starts_with('/'))
    return Bad("seccomp_profile", seccomp, "is neither \"unconfined\" nor an absolute path");
  return {};
}

Result<> CheckStop(const api::ContainerSpec& spec) {
  constexpr int kMostSignal = 64;
  constexpr uint32_t kMostGrace = 1'000'000;
  if (spec.stop_signal() < 0 || spec.stop_signal() > kMostSignal)
    return Bad("stop_signal", std::to_string(spec.stop_signal()), "is not a signal");
  if (spec.stop_grace_seconds() > kMostGrace)
    return Bad("stop_grace_seconds", std::to_string(spec.stop_grace_seconds()), "is more than 1,000,000");
  return {};
}

Result<> CheckRestart(const api::ContainerSpec& spec) {
  const api::RestartPolicy& policy = spec.restart();
  if (!api::RestartPolicy::When_IsValid(policy.when()))
    return Bad("restart.when", std::to_string(policy.when()), "is not a restart policy");
  if (policy.max_retries() > 0 && policy.when() != api::RestartPolicy::ON_FAILURE)
    return Bad("restart.max_retries", std::to_string(policy.max_retries()), "needs the policy on-failure");
  bool restarts = policy.when() > api::RestartPolicy::NEVER;
  if (spec.auto_remove() && restarts)
    return Bad("auto_remove", "", "contradicts the restart policy: a removed container cannot start again");
  return {};
}

Result<> CheckLog(const api::ContainerSpec& spec) {
  constexpr int64_t kLeastBytes = 4096;
  constexpr uint32_t kMostFiles = 100;
  int64_t bytes = spec.log().max_bytes();
  if (bytes != 0 && bytes < kLeastBytes)
    return Bad("log.max_bytes", std::to_string(bytes), "is less than 4096 bytes");
  if (spec.log().max_files() > kMostFiles)
    return Bad("log.max_files", std::to_string(spec.log().max_files()), "is more than 100 files");
  return {};
}

}  // namespace

Result<> CheckSpec(const api::ContainerSpec& spec) {
  if (size_t size = spec.ByteSizeLong(); size > kMostSpecBytes) return TooLarge("spec", size);
  TRY(RequireText("image", spec.image(), cri::kMostReferenceBytes));
  TRY(CheckTexts("entrypoint", spec.entrypoint()));
  TRY(CheckTexts("command", spec.command()));
  TRY(CheckEnvironment(spec));
  TRY(LimitText("working_dir", spec.working_dir(), kMostTextBytes));
  if (!spec.working_dir().empty() && !spec.working_dir().starts_with('/'))
    return Bad("working_dir", spec.working_dir(), "is not an absolute path");
  TRY(LimitText("user", spec.user(), kMostTextBytes));
  TRY(LimitText("hostname", spec.hostname(), kMostTextBytes));
  TRY(CheckMap("labels", spec.labels()));
  TRY(LimitCount("groups", spec.groups_size(), kMostEntries));
  TRY(CheckTexts("group_names", spec.group_names()));
  TRY(CheckTexts("ulimits", spec.ulimits()));
  TRY(CheckShm(spec));
  TRY(CheckDns(spec));
  if (!api::ContainerSpec::Network_IsValid(spec.network()))
    return Bad("network", std::to_string(spec.network()), "is not a network");
  TRY(CheckNetworkUse(spec));
  TRY(CheckPorts(spec));
  TRY(CheckMounts(spec));
  TRY(CheckVolumes(spec));
  TRY(CheckTmpfs(spec));
  TRY(CheckVolumesFrom(spec));
  TRY(CheckResources(spec));
  TRY(CheckLog(spec));
  TRY(CheckTexts("cap_add", spec.cap_add()));
  TRY(CheckTexts("cap_drop", spec.cap_drop()));
  TRY(CheckDevices(spec));
  TRY(CheckNamespaces(spec));
  TRY(CheckConfinement(spec));
  TRY(CheckStop(spec));
  TRY(CheckHealthCheck(spec.health()));
  if (spec.stdin_once() && !spec.open_stdin()) return Bad("stdin_once", "", "needs open_stdin");
  return CheckRestart(spec);
}

Result<> CheckUpdatable(const api::ContainerSpec& spec) {
  TRY(CheckResources(spec));
  return CheckRestart(spec);
}

Result<> CheckCommandLine(const std::vector<std::string>& words) {
  size_t bytes = 0;
  for (const std::string& word : words) bytes += word.size() + 1;
  return bytes <= kMostSpecBytes ? Result<>() : TooLarge("command line", bytes);
}

}  // namespace davit::local
