// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/pod_config.h"

#include <linux/mount.h>
#include <stdio.h>

#include <algorithm>

#include "base/number.h"
#include "cri/config/ulimits.h"
#include "cri/spec/stop_signal.h"

namespace davit::local {
namespace {

namespace v1 = ::runtime::v1;
namespace api = ::davit::v1;

using Network = api::ContainerSpec;

constexpr size_t kShortId = 12;
constexpr char kUnconfined[] = "unconfined";
constexpr int64_t kCpuPeriod = 100'000;  // µs
constexpr int64_t kNanoCpus = 1'000'000'000;

v1::NamespaceOption NamespacesOf(const api::ContainerSpec& spec) {
  v1::NamespaceOption options;
  options.set_network(spec.network() == Network::HOST ? v1::NODE : v1::POD);
  options.set_ipc(spec.ipc() == api::ContainerSpec::OF_HOST ? v1::NODE : v1::POD);
  options.set_pid(spec.pid() == api::ContainerSpec::OF_HOST ? v1::NODE : v1::CONTAINER);
  return options;
}

v1::Protocol ToCri(api::PortMapping::Protocol protocol) {
  switch (protocol) {
    case api::PortMapping::UDP:
      return v1::UDP;
    case api::PortMapping::SCTP:
      return v1::SCTP;
    default:
      return v1::TCP;
  }
}

// NAME, UID, and with a group NAME:GROUP and so on. The CRI has no name for a group.
Result<> SetUser(const std::string& user, v1::LinuxContainerSecurityContext& context,
                 cri::NamedGroups& groups) {
  if (user.empty()) return {};
  size_t colon = user.find(':');
  std::string name = user.substr(0, colon);
  if (name.empty()) return Fail(Code::kInvalidArgument, "user", user, "has no user before the colon");
  if (std::optional<int64_t> uid = WholeNumber<int64_t>(name))
    context.mutable_run_as_user()->set_value(*uid);
  else
    context.set_run_as_username(name);
  if (colon == std::string::npos) return {};
  std::string group = user.substr(colon + 1);
  if (group.empty()) return Fail(Code::kInvalidArgument, "user", user, "has no group after the colon");
  if (std::optional<int64_t> gid = WholeNumber<int64_t>(group))
    context.mutable_run_as_group()->set_value(*gid);
  else
    groups.primary = group;
  return {};
}

void SetResources(const api::ContainerSpec& spec, v1::LinuxContainerResources& resources) {
  resources.set_memory_limit_in_bytes(spec.memory_bytes());
  SetCpuQuota(spec.nano_cpus(), resources);
  resources.set_cpu_shares(spec.cpu_shares());
  resources.set_memory_swap_limit_in_bytes(spec.memory_swap_bytes());
  resources.set_cpuset_cpus(spec.cpuset_cpus());
  if (spec.pids_limit() > 0) (*resources.mutable_unified())["pids.max"] = std::to_string(spec.pids_limit());
}

v1::PodSandboxConfig PodOf(const api::ContainerSpec& spec, const LocalRecord& record,
                           const std::string& directory) {
  v1::PodSandboxConfig pod;
  pod.mutable_metadata()->set_name(record.name);
  pod.mutable_metadata()->set_uid(record.id);
  pod.mutable_metadata()->set_namespace_(kPodNamespace);
  pod.mutable_metadata()->set_attempt(record.run);  // each run is another pod
  pod.set_hostname(spec.hostname().empty() ? record.id.substr(0, kShortId) : spec.hostname());
  pod.set_log_directory(directory);
  for (const api::PortMapping& port : spec.ports()) {
    v1::PortMapping& mapping = *pod.add_port_mappings();
    mapping.set_host_ip(port.host_ip());
    mapping.set_host_port(static_cast<int32_t>(port.host_port()));
    mapping.set_container_port(static_cast<int32_t>(port.container_port()));
    mapping.set_protocol(ToCri(port.protocol()));
  }
  *pod.mutable_linux()->mutable_sysctls() = spec.sysctls();
  if (spec.dns_servers_size() + spec.dns_searches_size() + spec.dns_options_size() > 0) {
    *pod.mutable_dns_config()->mutable_servers() = spec.dns_servers();
    *pod.mutable_dns_config()->mutable_searches() = spec.dns_searches();
    *pod.mutable_dns_config()->mutable_options() = spec.dns_options();
  }
  v1::LinuxSandboxSecurityContext& security = *pod.mutable_linux()->mutable_security_context();
  *security.mutable_namespace_options() = NamespacesOf(spec);
  security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);
  security.set_privileged(spec.privileged());
  return pod;
}

void SetCommand(const api::ContainerSpec& spec, v1::ContainerConfig& container) {
  *container.mutable_command() = spec.entrypoint();
  *container.mutable_args() = spec.command();
  for (const std::string& entry : spec.env()) {
    size_t equals = entry.find('=');
    v1::KeyValue& variable = *container.add_envs();
    variable.set_key(entry.substr(0, equals));
    variable.set_value(entry.substr(equals + 1));
  }
  container.set_working_dir(spec.working_dir());
  container.set_tty(spec.tty());
  container.set_stdin(spec.open_stdin());
  container.set_stdin_once(spec.stdin_once());
}

void AddBind(const std::string& source, const std::string& target, bool read_only,
             v1::ContainerConfig& container) {
  v1::Mount& bind = *container.add_mounts();
  bind.set_host_path(source);
  bind.set_container_path(target);
  bind.set_readonly(read_only);
}

void SetMounts(const api::ContainerSpec& spec, v1::ContainerConfig& container, cri::ContainerExtras& extras) {
  for (const api::BindMount& mount : spec.mounts()) {
    AddBind(mount.source(), mount.target(), mount.read_only(), container);
    if (!mount.create_source()) extras.required_sources.insert(mount.target());
  }
}

// A volume at a path that the image declares as one takes its place.
void SetVolumes(const std::vector<VolumeBind>& volumes, v1::ContainerConfig& container,
                cri::ContainerExtras& extras) {
  for (const VolumeBind& volume : volumes) {
    AddBind(volume.source, volume.target, volume.read_only, container);
    extras.required_sources.insert(volume.target);
  }
}

std::string TmpfsOptions(const api::TmpfsMount& mount) {
  constexpr uint32_t kMode = 01777;
  char mode[16];
  snprintf(mode, sizeof mode, "mode=%o", mount.has_mode() ? mount.mode() : kMode);
  std::string options = mode;
  if (mount.size_bytes() > 0) options += ",size=" + std::to_string(mount.size_bytes());
  if (mount.uid() > 0) options += ",uid=" + std::to_string(mount.uid());
  if (mount.gid() > 0) options += ",gid=" + std::to_string(mount.gid());
  return options;
}

void SetTmpfs(const api::ContainerSpec& spec, cri::ContainerExtras& extras) {
  for (const api::TmpfsMount& mount : spec.tmpfs()) {
    uint64_t attributes = (mount.read_only() ? MOUNT_ATTR_RDONLY : 0) |
                          (mount.exec() ? 0 : MOUNT_ATTR_NOEXEC) | (mount.suid() ? 0 : MOUNT_ATTR_NOSUID) |
                          (mount.dev() ? 0 : MOUNT_ATTR_NODEV);
    extras.tmpfs.push_back({mount.target(), TmpfsOptions(mount), attributes});
  }
}

void SetDevices(const api::ContainerSpec& spec, v1::ContainerConfig& container) {
  for (const api::Device& wanted : spec.devices()) {
    v1::Device& device = *container.add_devices();
    device.set_host_path(wanted.host_path());
    device.set_container_path(wanted.container_path());
    device.set_permissions(wanted.permissions());
  }
  for (const std::string& name : spec.cdi_devices()) container.add_cdi_devices()->set_name(name);
}

// The profile of seccomp or AppArmor that people name.
v1::SecurityProfile ProfileOf(const std::string& name) {
  v1::SecurityProfile profile;
  profile.set_profile_type(name.empty()          ? v1::SecurityProfile::RuntimeDefault
                           : name == kUnconfined ? v1::SecurityProfile::Unconfined
                                                 : v1::SecurityProfile::Localhost);
  if (profile.profile_type() == v1::SecurityProfile::Localhost) profile.set_localhost_ref(name);
  return profile;
}

Result<> SetStopSignal(const api::ContainerSpec& spec, v1::ContainerConfig& container) {
  if (spec.stop_signal() == 0) return {};
  v1::Signal signal = cri::SignalToCri(spec.stop_signal());
  if (signal == v1::SIGNAL_RUNTIME_DEFAULT) {
    return Fail(Code::kInvalidArgument, "stop_signal", std::to_string(spec.stop_signal()),
                "cannot be the stop signal");
  }
  container.set_stop_signal(signal);
  return {};
}

// A container that names no paths gets the default ones (container_plan.cc).
Result<> SetSecurity(const api::ContainerSpec& spec, v1::LinuxContainerSecurityContext& security,
                     cri::NamedGroups& groups) {
  *security.mutable_namespace_options() = NamespacesOf(spec);
  *security.mutable_seccomp() = ProfileOf(spec.seccomp_profile());
  if (!spec.apparmor_profile().empty()) *security.mutable_apparmor() = ProfileOf(spec.apparmor_profile());
  security.set_no_new_privs(spec.no_new_privileges());
  for (uint32_t group : spec.groups()) security.add_supplemental_groups(group);
  security.set_privileged(spec.privileged());
  security.set_readonly_rootfs(spec.read_only());
  *security.mutable_capabilities()->mutable_add_capabilities() = spec.cap_add();
  *security.mutable_capabilities()->mutable_drop_capabilities() = spec.cap_drop();
  groups.supplementary.assign(spec.group_names().begin(), spec.group_names().end());
  return SetUser(spec.user(), security, groups);
}

Result<std::vector<shim::Rlimit>> RlimitsOf(const api::ContainerSpec& spec) {
  auto ulimits = cri::ParseUlimits({spec.ulimits().begin(), spec.ulimits().end()});
  if (!ulimits) return Fail(Code::kInvalidArgument, "ulimits", "", ulimits.error());
  std::vector<shim::Rlimit> limits;
  for (const cri::Ulimit& limit : *ulimits) limits.push_back({limit.resource, limit.soft, limit.hard});
  return limits;
}

}  // namespace

void SetCpuQuota(int64_t nano_cpus, v1::LinuxContainerResources& resources) {
  if (nano_cpus <= 0) return;
  resources.set_cpu_period(kCpuPeriod);
  resources.set_cpu_quota(nano_cpus / (kNanoCpus / kCpuPeriod));
}

Result<PodRequest> BuildPodRequest(const api::ContainerSpec& spec, const LocalRecord& record,
                                   const std::string& directory, const std::vector<VolumeBind>& volumes) {
  PodRequest request;
  request.pod = PodOf(spec, record, directory);
  v1::ContainerConfig& container = request.container;
  container.mutable_metadata()->set_name(record.name);
  container.mutable_image()->set_image(record.image_id);
  container.mutable_image()->set_user_specified_image(spec.image());
  container.mutable_labels()->insert(spec.labels().begin(), spec.labels().end());
  container.set_log_path(kLogName);
  SetCommand(spec, container);
  SetMounts(spec, container, request.extras);
  SetVolumes(volumes, container, request.extras);
  SetTmpfs(spec, request.extras);
  request.extras.kept_layer = cri::KeptLayer{
      record.id, spec.auto_remove() ? snapshotter::LayerLife::kOneBoot : snapshotter::LayerLife::kDurable,
      /*may_be_new=*/record.started_at == 0};
  SetDevices(spec, container);
  TRY(SetStopSignal(spec, container));
  SetResources(spec, *container.mutable_linux()->mutable_resources());
  TRY(SetSecurity(spec, *container.mutable_linux()->mutable_security_context(), request.extras.groups));
  request.extras.rlimits = TRY(RlimitsOf(spec));
  if (spec.network() == Network::NONE) request.network = cri::NetworkUse::kLoopbackOnly;
  return request;
}

Result<std::vector<std::string>> CommandLine(const api::ContainerSpec& spec,
                                             const images::ImageConfig& image) {
  std::vector<std::string> line(spec.entrypoint().begin(), spec.entrypoint().end());
  bool from_image = line.empty();
  if (from_image && image.entrypoint != std::vector<std::string>{""}) line = image.entrypoint;
  if (spec.command_size() > 0)
    line.insert(line.end(), spec.command().begin(), spec.command().end());
  else if (from_image)
    line.insert(line.end(), image.cmd.begin(), image.cmd.end());
  if (line.empty())
    return Fail(Code::kInvalidArgument, "command", "", "no command is given, and the image has none");
  return line;
}

}  // namespace davit::local
