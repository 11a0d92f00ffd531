// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/sandbox_plan.h"

#include <limits.h>
#include <sys/utsname.h>

#include <algorithm>

#include "cri/host/cgroup/cgroup_path.h"
#include "cri/spec/field.h"
#include "cri/spec/user_namespace.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kNamespaces[] = "config.linux.security_context.namespace_options.";

const v1::NamespaceOption& NamespacesOf(const v1::PodSandboxConfig& config) {
  return config.linux().security_context().namespace_options();
}

Result<> CheckNotEmpty(std::string_view field, const std::string& value) {
  if (value.empty()) return BadField(field, value, "is empty");
  return CheckNoNul(field, value);
}

Result<> CheckMetadata(const v1::PodSandboxMetadata& metadata) {
  TRY(CheckNotEmpty("config.metadata.name", metadata.name()));
  TRY(CheckNotEmpty("config.metadata.namespace", metadata.namespace_()));
  return CheckNotEmpty("config.metadata.uid", metadata.uid());
}

// hostname(7): labels of letters, digits and hyphens. It is also written into files, line by line.
Result<> CheckHostname(const std::string& hostname) {
  auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  if (hostname.size() > HOST_NAME_MAX)
    return BadField("config.hostname", hostname, "is longer than 64 bytes");
  if (!std::ranges::all_of(hostname, fine))
    return BadField("config.hostname", hostname, "is not a host name");
  return {};
}

Result<> CheckMode(const char* name, v1::NamespaceMode mode,
                   std::initializer_list<v1::NamespaceMode> fitting) {
  if (std::ranges::find(fitting, mode) != fitting.end()) return {};
  std::string text = v1::NamespaceMode_IsValid(mode) ? v1::NamespaceMode_Name(mode) : std::to_string(mode);
  return BadField(std::string(kNamespaces) + name, text, "is not a mode for a sandbox");
}

Result<> CheckNamespaces(const v1::NamespaceOption& options) {
  TRY(CheckMode("network", options.network(), {v1::POD, v1::NODE}));
  TRY(CheckMode("ipc", options.ipc(), {v1::POD, v1::NODE}));
  TRY(CheckMode("pid", options.pid(), {v1::POD, v1::CONTAINER, v1::NODE}));
  TRY(UserNamespaceOf(kNamespaces, options));
  return {};
}

// A sandbox has no process to run as anybody, but a request that contradicts itself is refused all the same.
Result<> CheckIdentity(const v1::LinuxSandboxSecurityContext& context) {
  const std::string prefix = "config.linux.security_context.";
  if (context.has_run_as_user()) TRY(CheckId(prefix + "run_as_user", context.run_as_user().value()));
  if (context.has_run_as_group()) {
    TRY(CheckId(prefix + "run_as_group", context.run_as_group().value()));
    if (!context.has_run_as_user()) {
      return BadField(prefix + "run_as_group", std::to_string(context.run_as_group().value()),
                      "needs run_as_user");
    }
  }
  for (int64_t group : context.supplemental_groups()) TRY(CheckId(prefix + "supplemental_groups", group));
  return {};
}

Result<> CheckSandboxSeccomp(const v1::LinuxSandboxSecurityContext& context) {
  const v1::SecurityProfile& profile = context.seccomp();
  if (!v1::SecurityProfile::ProfileType_IsValid(profile.profile_type())) {
    return BadField("config.linux.security_context.seccomp.profile_type",
                    std::to_string(profile.profile_type()), "is not a known type");
  }
  if (profile.profile_type() == v1::SecurityProfile::Localhost && profile.localhost_ref().empty() &&
      !context.privileged()) {
    return BadField("config.linux.security_context.seccomp.localhost_ref", "",
                    "is empty, but the type is Localhost");
  }
  return {};
}

Result<> CheckCgroupParent(const std::string& parent) {
  if (parent.empty()) return {};
  Result<CgroupPath> path = ParseCgroupParent(parent);
  return path ? Result<>() : BadField("config.linux.cgroup_parent", parent, path.error().context);
}

Result<> CheckLogDirectory(const std::string& directory) {
  if (directory.empty()) return {};
  TRY(CleanAbsolutePath("config.log_directory", directory));
  return {};
}

OwnNamespaces OwnOf(const v1::PodSandboxConfig& config) {
  return {NamespacesOf(config).network() != v1::NODE, NamespacesOf(config).ipc() != v1::NODE};
}

Result<std::vector<shim::Sysctl>> SysctlsOf(const v1::PodSandboxConfig& config) {
  return NamespacedSysctls({config.linux().sysctls().begin(), config.linux().sysctls().end()}, OwnOf(config));
}

}  // namespace

Result<> ValidateSandboxConfig(const v1::PodSandboxConfig& config) {
  TRY(CheckMetadata(config.metadata()));
  TRY(CheckHostname(config.hostname()));
  TRY(CheckLogDirectory(config.log_directory()));
  TRY(CheckCgroupParent(config.linux().cgroup_parent()));
  const v1::LinuxSandboxSecurityContext& context = config.linux().security_context();
  TRY(CheckNamespaces(context.namespace_options()));
  TRY(CheckIdentity(context));
  TRY(CheckSandboxSeccomp(context));
  TRY(SysctlsOf(config));
  return {};
}

std::string HostnameOf(const v1::PodSandboxConfig& config) {
  if (!config.hostname().empty()) return config.hostname();
  utsname host{};
  return uname(&host) == 0 ? host.nodename : "localhost";
}

Result<shim::SandboxPlan> BuildSandboxPlan(const v1::PodSandboxConfig& config, const std::string& sandbox_id,
                                           const SysctlDefaults& defaults) {
  TRY(ValidateSandboxConfig(config));
  const v1::NamespaceOption& namespaces = NamespacesOf(config);
  shim::SandboxPlan plan;
  plan.sandbox_id = sandbox_id;
  plan.own_network = namespaces.network() != v1::NODE;
  plan.own_ipc = namespaces.ipc() != v1::NODE;
  plan.shared_pid = namespaces.pid() == v1::POD;
  // A pod on the host's network keeps the host's name whatever the request says: the UTS namespace goes with
  // the network.
  if (plan.own_network) plan.hostname = HostnameOf(config);
  plan.ids = TRY(UserNamespaceOf(kNamespaces, namespaces));
  plan.sysctls = TRY(SysctlsOf(config));
  std::erase_if(plan.sysctls, BelongsToInterface);
  LimitGroups(plan.ids, plan.sysctls);
  AddDefaultSysctls(defaults, OwnOf(config), !plan.ids.empty(), plan.sysctls);
  return plan;
}

Result<std::vector<shim::Sysctl>> InterfaceSysctls(const v1::PodSandboxConfig& config) {
  std::vector<shim::Sysctl> sysctls = TRY(SysctlsOf(config));
  std::erase_if(sysctls, [](const shim::Sysctl& sysctl) { return !BelongsToInterface(sysctl); });
  return sysctls;
}

}  // namespace davit::cri
