// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/selinux.h"

#include "base/path_components.h"
#include "cri/spec/field.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kPodOptions[] = "config.linux.security_context.selinux_options";
constexpr char kOptions[] = "linux.security_context.selinux_options";

Result<> Override(std::string& part, const std::string& field, const std::string& wanted) {
  if (wanted.empty()) return {};
  if (!IsSeLinuxName(wanted)) return BadField(field, wanted, "is not a name");
  part = wanted;
  return {};
}

Result<> Override(SeLinuxContexts& contexts, const std::string& field, const v1::SELinuxOption& options) {
  TRY(Override(contexts.process.user, field + ".user", options.user()));
  TRY(Override(contexts.process.role, field + ".role", options.role()));
  TRY(Override(contexts.process.type, field + ".type", options.type()));
  if (!options.level().empty() && !IsSeLinuxLevel(options.level()))
    return BadField(field + ".level", options.level(), "is not a level");
  if (!options.level().empty()) contexts.process.level = options.level();
  contexts.files.user = contexts.process.user;
  contexts.files.level = contexts.process.level;
  return {};
}

bool IsAmongTheHosts(const v1::LinuxContainerSecurityContext& container,
                     const v1::LinuxSandboxSecurityContext& pod) {
  const v1::NamespaceOption& namespaces =
      container.has_namespace_options() ? container.namespace_options() : pod.namespace_options();
  return container.privileged() || namespaces.pid() == v1::NODE || namespaces.ipc() == v1::NODE;
}

}  // namespace

Result<SeLinuxContexts> PodContexts(const v1::LinuxSandboxSecurityContext& pod, const std::string& level,
                                    const SeLinuxHost& host) {
  SeLinuxContexts contexts{host.process, host.file};
  if (!host.enabled || host.process.empty()) return SeLinuxContexts();
  if (!level.empty()) contexts.process.level = level;
  TRY(Override(contexts, kPodOptions, pod.selinux_options()));
  return contexts;
}

Result<SeLinuxContexts> ContainerContexts(const v1::LinuxContainerSecurityContext& container,
                                          const v1::LinuxSandboxSecurityContext& pod,
                                          const std::string& level, const SeLinuxHost& host) {
  if (!host.enabled) return SeLinuxContexts();
  bool has_type = !container.selinux_options().type().empty() || !pod.selinux_options().type().empty();
  bool confined = has_type || !IsAmongTheHosts(container, pod);
  SeLinuxContexts contexts = TRY(PodContexts(pod, level, host));
  if (contexts.process.empty()) {
    if (!confined) return contexts;
    return Fail(Code::kFailedPrecondition, "validate", kOptions,
                "SELinux cannot confine containers: the policy of this host has no contexts/lxc_contexts");
  }
  TRY(Override(contexts, kOptions, container.selinux_options()));
  if (!confined) contexts.process = SeLinuxContext();
  return contexts;
}

std::string SensitivityToDraw(const v1::LinuxSandboxSecurityContext& pod, const SeLinuxHost& host) {
  if (!host.enabled || !pod.selinux_options().level().empty()) return "";
  return host.process.level.substr(0, host.process.level.find_first_of(":-"));
}

std::string KubeletsPodDirectory(const v1::PodSandboxMetadata& pod) {
  return IsPathComponent(pod.uid()) ? "/pods/" + pod.uid() : "";
}

}  // namespace davit::cri
