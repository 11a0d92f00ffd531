// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/oci_spec.h"

#include <linux/mount.h>
#include <sys/resource.h>

#include <string_view>
#include <utility>

#include "base/json.h"
#include "cri/spec/capabilities.h"
#include "cri/spec/devices.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;
using Json = nlohmann::json;

constexpr char kVersion[] = "1.2.0";

Json UserJson(const shim::UserSpec& user) {
  Json json = {{"uid", user.uid.value_or(0)}, {"gid", user.gid.value_or(0)}};
  if (!user.supplementary.empty()) json["additionalGids"] = user.supplementary;
  if (!user.name.empty()) json["username"] = user.group.empty() ? user.name : user.name + ":" + user.group;
  return json;
}

Json RlimitsJson(const std::vector<shim::Rlimit>& rlimits) {
  static constexpr std::pair<uint32_t, const char*> kNames[] = {
      {RLIMIT_CPU, "RLIMIT_CPU"},           {RLIMIT_FSIZE, "RLIMIT_FSIZE"},
      {RLIMIT_DATA, "RLIMIT_DATA"},         {RLIMIT_STACK, "RLIMIT_STACK"},
      {RLIMIT_CORE, "RLIMIT_CORE"},         {RLIMIT_RSS, "RLIMIT_RSS"},
      {RLIMIT_NPROC, "RLIMIT_NPROC"},       {RLIMIT_NOFILE, "RLIMIT_NOFILE"},
      {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},   {RLIMIT_AS, "RLIMIT_AS"},
      {RLIMIT_LOCKS, "RLIMIT_LOCKS"},       {RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
      {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"}, {RLIMIT_NICE, "RLIMIT_NICE"},
      {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},     {RLIMIT_RTTIME, "RLIMIT_RTTIME"},
  };
  Json json = Json::array();
  for (const shim::Rlimit& limit : rlimits) {
    for (const auto& [resource, name] : kNames) {
      if (resource == limit.resource)
        json.push_back({{"type", name}, {"soft", limit.soft}, {"hard", limit.hard}});
    }
  }
  return json;
}

Json ProcessJson(const shim::ProcessPlan& process) {
  const shim::CapabilitySets& sets = process.capabilities;
  Json json = {
      {"terminal", process.terminal},
      {"user", UserJson(process.user)},
      {"args", process.args},
      {"env", process.env},
      {"cwd", process.cwd},
      {"capabilities",
       {{"bounding", CapabilityNames(sets.bounding)},
        {"effective", CapabilityNames(sets.effective)},
        {"permitted", CapabilityNames(sets.permitted)},
        {"inheritable", CapabilityNames(sets.inheritable)},
        {"ambient", CapabilityNames(sets.ambient)}}},
      {"noNewPrivileges", process.no_new_privileges},
      {"rlimits", RlimitsJson(process.rlimits)},
  };
  if (!process.apparmor_profile.empty()) json["apparmorProfile"] = process.apparmor_profile;
  if (!process.selinux.process.empty()) json["selinuxLabel"] = process.selinux.process;
  if (process.oom_score_adj) json["oomScoreAdj"] = *process.oom_score_adj;
  return json;
}

const char* TypeName(shim::MountKind kind) {
  switch (kind) {
    case shim::MountKind::kBind:
    case shim::MountKind::kShm:
    case shim::MountKind::kImage:
    case shim::MountKind::kVolume:
      return "bind";
    case shim::MountKind::kTmpfs:
      return "tmpfs";
    case shim::MountKind::kProc:
      return "proc";
    case shim::MountKind::kSysfs:
      return "sysfs";
    case shim::MountKind::kMqueue:
      return "mqueue";
    case shim::MountKind::kDevpts:
      return "devpts";
    case shim::MountKind::kCgroup:
      return "cgroup";
  }
  return "none";
}

const char* PropagationName(shim::Propagation propagation) {
  switch (propagation) {
    case shim::Propagation::kPrivate:
      return "rprivate";
    case shim::Propagation::kSlave:
      return "rslave";
    case shim::Propagation::kShared:
      return "rshared";
  }
  return "rprivate";
}

void AppendOptions(const std::string& options, std::vector<std::string>& list) {
  size_t start = 0;
  while (start < options.size()) {
    size_t comma = std::min(options.find(',', start), options.size());
    list.push_back(options.substr(start, comma - start));
    start = comma + 1;
  }
}

std::vector<std::string> MountOptions(const shim::MountStep& step) {
  static constexpr std::pair<uint64_t, const char*> kFlags[] = {
      {MOUNT_ATTR_NOSUID, "nosuid"}, {MOUNT_ATTR_NOEXEC, "noexec"}, {MOUNT_ATTR_NODEV, "nodev"}};
  std::vector<std::string> options;
  if (step.kind == shim::MountKind::kBind) {
    options = {step.recursive_bind ? "rbind" : "bind", PropagationName(step.propagation)};
  }
  for (const auto& [flag, name] : kFlags) {
    if ((step.attributes & flag) != 0) options.emplace_back(name);
  }
  bool read_only = (step.attributes & MOUNT_ATTR_RDONLY) != 0;
  options.emplace_back(!read_only ? "rw" : step.recursive_attributes ? "rro" : "ro");
  AppendOptions(step.options, options);
  return options;
}

Json IdRangeJson(const shim::IdRange& range) {
  return Json::array({{{"containerID", range.inside}, {"hostID", range.outside}, {"size", range.length}}});
}

Json MountsJson(const std::vector<shim::MountStep>& mounts) {
  Json json = Json::array();
  for (const shim::MountStep& step : mounts) {
    std::string source = step.source.empty() ? TypeName(step.kind) : step.source;
    if (step.kind == shim::MountKind::kShm) source = "shm";
    if (step.kind == shim::MountKind::kVolume) source = step.target;
    Json mount = {{"destination", step.target},
                  {"type", TypeName(step.kind)},
                  {"source", source},
                  {"options", MountOptions(step)}};
    if (!step.ids.empty()) {
      mount["uidMappings"] = IdRangeJson(step.ids.uids);
      mount["gidMappings"] = IdRangeJson(step.ids.gids);
    }
    json.push_back(std::move(mount));
  }
  return json;
}

Json NamespacesJson(const shim::ContainerPlan& plan) {
  Json json = Json::array({{{"type", "mount"}}});
  auto add = [&json](bool present, const char* type) {
    if (present) json.push_back({{"type", type}});
  };
  add(plan.pid != shim::NamespaceUse::kHost, "pid");
  add(!plan.host_network, "network");
  add(!plan.host_ipc, "ipc");
  add(!plan.host_uts, "uts");
  add(!plan.host_cgroup, "cgroup");
  add(!plan.ids.empty(), "user");
  return json;
}

Json DevicesJson(const std::vector<shim::DeviceStep>& devices) {
  Json json = Json::array();
  for (const shim::DeviceStep& device : devices) {
    json.push_back({{"path", device.path},
                    {"type", std::string(1, device.type)},
                    {"major", device.major},
                    {"minor", device.minor},
                    {"fileMode", device.mode},
                    {"uid", device.uid},
                    {"gid", device.gid}});
  }
  return json;
}

Json DeviceRulesJson(const std::vector<DeviceRule>& rules) {
  Json json = Json::array();
  for (const DeviceRule& rule : rules) {
    Json entry = {{"allow", rule.allow}, {"type", std::string(1, rule.type)}, {"access", rule.access}};
    if (rule.major >= 0) entry["major"] = rule.major;
    if (rule.minor >= 0) entry["minor"] = rule.minor;
    json.push_back(entry);
  }
  return json;
}

Json ResourcesJson(const shim::ContainerPlan& plan, const v1::LinuxContainerResources& resources) {
  Json json = {{"devices", DeviceRulesJson(DeviceRulesOf(plan))}};
  auto set = [&json](const char* group, const char* name, const auto& value) {
    if (value != std::decay_t<decltype(value)>{}) json[group][name] = value;
  };
  set("cpu", "shares", resources.cpu_shares());
  set("cpu", "quota", resources.cpu_quota());
  set("cpu", "period", resources.cpu_period());
  set("cpu", "cpus", resources.cpuset_cpus());
  set("cpu", "mems", resources.cpuset_mems());
  set("memory", "limit", resources.memory_limit_in_bytes());
  set("memory", "swap", resources.memory_swap_limit_in_bytes());
  for (const v1::HugepageLimit& limit : resources.hugepage_limits()) {
    json["hugepageLimits"].push_back({{"pageSize", limit.page_size()}, {"limit", limit.limit()}});
  }
  for (const auto& [file, value] : resources.unified()) json["unified"][file] = value;
  return json;
}

Json SysctlsJson(const std::vector<shim::Sysctl>& sysctls) {
  Json json = Json::object();
  for (const shim::Sysctl& sysctl : sysctls) json[sysctl.path] = sysctl.value;
  return json;
}

}  // namespace

std::string RenderOciSpec(const shim::SandboxPlan& sandbox, const shim::ContainerPlan& container,
                          const std::string& cgroup_path, const v1::LinuxContainerResources& resources) {
  Json json = {
      {"ociVersion", kVersion},
      {"hostname", sandbox.hostname},
      {"process", ProcessJson(container.process)},
      {"root", {{"path", "rootfs"}, {"readonly", container.read_only_root}}},
      {"mounts", MountsJson(container.mounts)},
      {"linux",
       {{"namespaces", NamespacesJson(container)},
        {"cgroupsPath", cgroup_path},
        {"resources", ResourcesJson(container, resources)},
        {"devices", DevicesJson(container.devices)},
        {"sysctl", SysctlsJson(sandbox.sysctls)},
        {"rootfsPropagation", PropagationName(container.root_propagation)},
        {"maskedPaths", container.masked_paths},
        {"readonlyPaths", container.read_only_paths}}},
  };
  const std::string& files = container.process.selinux.files;
  if (!files.empty()) json["linux"]["mountLabel"] = files;
  if (!container.ids.empty()) {
    json["linux"]["uidMappings"] = IdRangeJson(container.ids.uids);
    json["linux"]["gidMappings"] = IdRangeJson(container.ids.gids);
  }
  return PrintJson(json);
}

std::string RenderSandboxSpec(const shim::SandboxPlan& sandbox, const std::string& cgroup_path) {
  Json namespaces = Json::array();
  auto add = [&namespaces](bool present, const char* type) {
    if (present) namespaces.push_back({{"type", type}});
  };
  add(sandbox.own_network, "network");
  add(sandbox.own_ipc, "ipc");
  add(!sandbox.hostname.empty(), "uts");
  add(sandbox.shared_pid, "pid");
  Json json = {
      {"ociVersion", kVersion},
      {"hostname", sandbox.hostname},
      {"linux",
       {{"namespaces", namespaces}, {"cgroupsPath", cgroup_path}, {"sysctl", SysctlsJson(sandbox.sysctls)}}}};
  return PrintJson(json);
}

}  // namespace davit::cri
