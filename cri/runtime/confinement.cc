// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/confinement.h"

#include "base/duplicate.h"
#include "base/file_io.h"
#include "cri/spec/profiles.h"
#include "cri/spec/selinux.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

namespace {
constexpr size_t kMaxProfileBytes = 4 << 20;
}

Result<UniqueFd> Confinement::SeccompFilterOf(const v1::ContainerConfig& config,
                                              const shim::ProcessPlan& process) {
  SeccompChoice choice = TRY(ChooseSeccomp(config.linux().security_context()));
  uint64_t capabilities = process.capabilities.bounding;
  SeccompCompiler::Filter filter;
  if (choice.kind == SeccompChoice::kLocalhost) {
    std::string json = TRY(ReadFile(choice.path, kMaxProfileBytes));
    filter = TRY(ports_.seccomp.Json(json, capabilities));
  } else {
    filter = TRY(ports_.seccomp.Default(capabilities));
  }
  return Duplicate(filter->memfd.get(), "seccomp filter");
}

Result<> Confinement::Provide(const v1::ContainerConfig& config, const shim::ProcessPlan& process) {
  if (process.seccomp) TRY(SeccompFilterOf(config, process));
  const std::string& profile = process.apparmor_profile;
  if (!profile.empty()) TRY(ports_.apparmor.Provide(profile));
  const shim::SeLinuxPlan& selinux = process.selinux;
  return CheckContexts("linux", selinux.process, selinux.files);
}

Result<> Confinement::CheckPod(const v1::PodSandboxConfig& config) const {
  const v1::LinuxSandboxSecurityContext& context = config.linux().security_context();
  SeLinuxContexts contexts = TRY(PodContexts(context, /*level=*/"", ports_.facts.selinux));
  return CheckContexts("config.linux", contexts.process.ToString(), contexts.files.ToString());
}

// `message` has the security context that asks for them.
Result<> Confinement::CheckContexts(const std::string& message, const std::string& process,
                                    const std::string& files) const {
  for (const std::string& context : {process, files}) {
    Result<> known = ports_.selinux.Check(context);
    if (!known)
      return std::unexpected(
          Within("validate " + message + ".security_context.selinux_options", known.error()));
  }
  return {};
}

Result<std::string> Confinement::TakeLevel(const std::string& sandbox_id,
                                           const v1::PodSandboxConfig& config) {
  if (!ports_.facts.selinux.enabled) return "";
  const v1::LinuxSandboxSecurityContext& context = config.linux().security_context();
  std::string sensitivity = SensitivityToDraw(context, ports_.facts.selinux);
  if (!sensitivity.empty()) return levels_.Take(sandbox_id, sensitivity);
  levels_.Hold(sandbox_id, context.selinux_options().level());
  return context.selinux_options().level();
}

Result<std::string> Confinement::FilesContextOf(const Sandbox& sandbox) const {
  std::string level = sandbox.record().Read([](const SandboxRecord& r) { return r.selinux_level; });
  SeLinuxContexts contexts =
      TRY(PodContexts(sandbox.config().linux().security_context(), level, ports_.facts.selinux));
  return contexts.files.ToString();
}

}  // namespace davit::cri
