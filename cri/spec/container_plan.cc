// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/container_plan.h"

#include <algorithm>
#include <iterator>

#include "base/keep_last.h"
#include "base/path_components.h"
#include "cri/spec/capabilities.h"
#include "cri/spec/cdi_edits.h"
#include "cri/spec/field.h"
#include "cri/spec/rlimits.h"
#include "cri/spec/sandbox_plan.h"
#include "cri/spec/selinux.h"
#include "cri/spec/user.h"
#include "cri/spec/user_namespace.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kNamespaces[] = "linux.security_context.namespace_options.";

// What the kubelet hides and protects by default; for clients that say nothing.
constexpr const char* kMaskedPaths[] = {
    "/proc/asound",      "/proc/acpi",          "/proc/interrupts", "/proc/kcore",
    "/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap",
};
constexpr const char* kReadOnlyPaths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};

std::string ModeName(v1::NamespaceMode mode) {
  return v1::NamespaceMode_IsValid(mode) ? v1::NamespaceMode_Name(mode) : std::to_string(mode);
}

// Network and IPC are the pod's. POD is also what a request has that says nothing, so only NODE can
// contradict.
Result<> CheckShared(const char* name, v1::NamespaceMode container, v1::NamespaceMode sandbox) {
  if (container == v1::POD || container == sandbox) return {};
  return BadField(std::string(kNamespaces) + name, ModeName(container),
                  "does not fit the sandbox, which has " + ModeName(sandbox));
}

Result<shim::NamespaceUse> ChoosePid(const v1::NamespaceOption& options, v1::NamespaceMode sandbox) {
  switch (options.pid()) {
    case v1::CONTAINER:
      return shim::NamespaceUse::kOwn;
    case v1::TARGET:
      if (options.target_id().empty())
        return BadField(std::string(kNamespaces) + "target_id", "", "is empty, but pid is TARGET");
      return shim::NamespaceUse::kTarget;
    case v1::POD:
    case v1::NODE:
      if (options.pid() == sandbox)
        return sandbox == v1::NODE ? shim::NamespaceUse::kHost : shim::NamespaceUse::kPod;
      return BadField(std::string(kNamespaces) + "pid", ModeName(options.pid()),
                      "does not fit the sandbox, which has " + ModeName(sandbox));
    default:
      return BadField(std::string(kNamespaces) + "pid", ModeName(options.pid()), "is not a known mode");
  }
}

Result<> SetNamespaces(const ContainerInputs& inputs, shim::ContainerPlan& plan) {
  const v1::LinuxContainerSecurityContext& context = inputs.container.linux().security_context();
  const v1::NamespaceOption& sandbox = inputs.sandbox.linux().security_context().namespace_options();
  // A container that says nothing at all goes with its pod.
  const v1::NamespaceOption& options =
      context.has_namespace_options() ? context.namespace_options() : sandbox;
  plan.ids = TRY(UserNamespaceOf(kNamespaces, sandbox));
  if (options.has_userns_options() && TRY(UserNamespaceOf(kNamespaces, options)) != plan.ids) {
    return BadField(std::string(kNamespaces) + "userns_options", ModeName(options.userns_options().mode()),
                    "does not fit the sandbox's");
  }
  TRY(CheckShared("network", options.network(), sandbox.network()));
  TRY(CheckShared("ipc", options.ipc(), sandbox.ipc()));
  plan.pid = TRY(ChoosePid(options, sandbox.pid()));
  plan.host_network = plan.host_uts = sandbox.network() == v1::NODE;
  plan.host_ipc = sandbox.ipc() == v1::NODE;
  plan.host_cgroup = context.privileged();
  return {};
}

Result<std::vector<std::string>> CleanPaths(const char* field,
                                            const google::protobuf::RepeatedPtrField<std::string>& paths) {
  std::vector<std::string> clean;
  for (const std::string& path : paths) {
    clean.push_back(TRY(CleanAbsolutePath(std::string("linux.security_context.") + field, path)));
    if (clean.back() == "/")
      return BadField(std::string("linux.security_context.") + field, path, "is the root");
  }
  return clean;
}

// The kubelet always sends both lists, except for an unmasked /proc, which it allows in user namespaces only.
// So nothing at all, from a pod in the host's user namespace, is a client that leaves it to us.
Result<> SetProtectedPaths(const v1::LinuxContainerSecurityContext& context, shim::ContainerPlan& plan) {
  plan.masked_paths = TRY(CleanPaths("masked_paths", context.masked_paths()));
  plan.read_only_paths = TRY(CleanPaths("readonly_paths", context.readonly_paths()));
  if (context.privileged()) {
    plan.masked_paths.clear();
    plan.read_only_paths.clear();
  } else if (plan.ids.empty() && plan.masked_paths.empty() && plan.read_only_paths.empty()) {
    plan.masked_paths.assign(std::begin(kMaskedPaths), std::end(kMaskedPaths));
    plan.read_only_paths.assign(std::begin(kReadOnlyPaths), std::end(kReadOnlyPaths));
  }
  return {};
}

Result<> SetDevices(const ContainerInputs& inputs, shim::ContainerPlan& plan) {
  std::vector<shim::DeviceStep> requested = TRY(RequestedDevices(inputs.container.devices()));
  if (inputs.container.linux().security_context().privileged()) {
    plan.all_devices = true;
    plan.devices = TRY(HostDevices(inputs.host.devices_directory));
  }
  std::ranges::move(requested, std::back_inserter(plan.devices));
  // Of two at one path the later wins, as with mounts.
  KeepLastOfEachKey(plan.devices, Place::kOfTheLast,
                    [](const shim::DeviceStep& d) -> const std::string& { return d.path; });
  return {};
}

// Always set: a daemon that is protected from the OOM killer must not hand that protection down.
Result<int32_t> OomScoreAdj(int64_t wanted, const HostFacts& host) {
  if (wanted < -1000 || wanted > 1000) {
    return BadField("linux.resources.oom_score_adj", std::to_string(wanted), "is not within -1000 and 1000");
  }
  auto adj = static_cast<int32_t>(wanted);
  return host.can_lower_oom_score ? adj : std::max(adj, host.own_oom_score_adj);
}

// A hard limit above the daemon's own needs CAP_SYS_RESOURCE (setrlimit(2)).
Result<std::vector<shim::Rlimit>> RlimitsOf(const ContainerInputs& inputs) {
  std::vector<shim::Rlimit> limits = inputs.host.rlimits;
  std::vector<shim::Rlimit> wanted = inputs.rlimits;
  if (!inputs.host.can_raise_limits && !LowerToReachable(OwnRlimits(), wanted).empty())
    return Fail(Code::kFailedPrecondition, "ulimits", "",
                "are above the limits of the daemon, which may not raise them");
  for (const shim::Rlimit& limit : wanted) {
    auto same = std::ranges::find(limits, limit.resource, &shim::Rlimit::resource);
    if (same == limits.end())
      limits.push_back(limit);
    else
      *same = limit;
  }
  return limits;
}

Result<shim::ProcessPlan> BuildProcess(const ContainerInputs& inputs) {
  const v1::ContainerConfig& config = inputs.container;
  const v1::LinuxContainerSecurityContext& context = config.linux().security_context();
  shim::ProcessPlan process;
  process.args = TRY(MergeArguments(config, inputs.image));
  process.env = TRY(MergeEnvironment(config, inputs.image, HostnameOf(inputs.sandbox)));
  process.cwd = TRY(ChooseWorkingDirectory(config, inputs.image));
  process.user = TRY(ContainerUser(context, inputs.image.user));
  TRY(AddNamedGroups(inputs.groups.primary, inputs.groups.supplementary, process.user));
  process.capabilities = TRY(ContainerCapabilities(context, inputs.host.capabilities));
  process.no_new_privileges = context.no_new_privs();
  process.terminal = config.tty();
  process.seccomp = TRY(ChooseSeccomp(context)).kind != SeccompChoice::kUnconfined;
  process.apparmor_profile = TRY(ChooseAppArmor(context, inputs.host));
  process.oom_score_adj = TRY(OomScoreAdj(config.linux().resources().oom_score_adj(), inputs.host));
  process.rlimits = TRY(RlimitsOf(inputs));
  return process;
}

Result<> CheckPrivileges(const ContainerInputs& inputs) {
  const v1::LinuxContainerSecurityContext& context = inputs.container.linux().security_context();
  if (context.privileged() && !inputs.sandbox.linux().security_context().privileged()) {
    return BadField("linux.security_context.privileged", "true", "needs a privileged sandbox");
  }
  return {};
}

// Other people's files keep their contexts: a host path that was relabelled by mistake is lost to the host.
Result<> SetRelabelling(const ContainerInputs& inputs, shim::SeLinuxPlan& plan) {
  plan.relabel_within = KubeletsPodDirectory(inputs.sandbox.metadata());
  for (const v1::Mount& mount : inputs.container.mounts()) {
    if (!mount.selinux_relabel() || mount.has_image()) continue;
    std::string path = TRY(CleanAbsolutePath("mounts.host_path", mount.host_path()));
    if (!LiesBelow(path, plan.relabel_within))
      return BadField("mounts.selinux_relabel", path,
                      "cannot be relabelled: it is not in the kubelet's directory of the pod");
    plan.relabel.push_back(TRY(CleanAbsolutePath("mounts.container_path", mount.container_path())));
  }
  if (plan.relabel.empty()) plan.relabel_within.clear();
  return {};
}

Result<shim::SeLinuxPlan> BuildSeLinuxPlan(const ContainerInputs& inputs) {
  SeLinuxContexts contexts = TRY(ContainerContexts(inputs.container.linux().security_context(),
                                                   inputs.sandbox.linux().security_context(),
                                                   inputs.selinux_level, inputs.host.selinux));
  shim::SeLinuxPlan plan;
  plan.process = contexts.process.ToString();
  plan.files = contexts.files.ToString();
  if (!plan.files.empty()) TRY(SetRelabelling(inputs, plan));
  return plan;
}

}  // namespace

Result<shim::ContainerPlan> BuildContainerPlan(const ContainerInputs& inputs) {
  const v1::ContainerConfig& config = inputs.container;
  const v1::LinuxContainerSecurityContext& context = config.linux().security_context();
  TRY(CheckPrivileges(inputs));
  shim::ContainerPlan plan;
  plan.container_id = inputs.container_id;
  TRY(SetNamespaces(inputs, plan));
  plan.read_only_root = context.readonly_rootfs();
  plan.mounts = TRY(ContainerMounts(
      {config, inputs.files, inputs.image.volumes, plan.ids, inputs.required_sources, inputs.tmpfs}));
  plan.root_propagation = RootPropagation(plan.mounts);
  TRY(SetDevices(inputs, plan));
  TRY(SetProtectedPaths(context, plan));
  plan.stdin_open = config.stdin();
  plan.stdin_once = config.stdin_once();
  plan.process = TRY(BuildProcess(inputs));
  plan.process.selinux = TRY(BuildSeLinuxPlan(inputs));
  TRY(ApplyCdiEdits(inputs.cdi, plan));
  return plan;
}

}  // namespace davit::cri
