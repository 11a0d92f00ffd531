// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/selinux_attribute.h"
#include "cri/runtime/runtime.h"

namespace davit {

Result<> Runtime::CheckSeLinux(const v1::PodSandboxConfig& config) const {
  const v1::LinuxSandboxSecurityContext& context = config.linux().security_context();
  SeLinuxContexts contexts = TRY(PodContexts(context, /*level=*/"", host_.facts.selinux));
  return CheckContexts("config.linux", contexts.process.ToString(), contexts.files.ToString());
}

Result<> Runtime::CheckContexts(const std::string& message, const std::string& process,
                                const std::string& files) const {
  for (const std::string& context : {process, files}) {
    Result<> known = host_.selinux.Check(context);
    if (!known)
      return std::unexpected(
          Within("validate " + message + ".security_context.selinux_options", known.error()));
  }
  return {};
}

Result<std::string> Runtime::TakeLevel(const std::string& sandbox_id, const v1::PodSandboxConfig& config) {
  if (!host_.facts.selinux.enabled) return "";
  const v1::LinuxSandboxSecurityContext& context = config.linux().security_context();
  std::string sensitivity = SensitivityToDraw(context, host_.facts.selinux);
  if (!sensitivity.empty()) return levels_.Take(sandbox_id, sensitivity);
  levels_.Hold(sandbox_id, context.selinux_options().level());
  return context.selinux_options().level();
}

Result<std::string> Runtime::FilesContextOf(const Sandbox& sandbox) const {
  std::string level = sandbox.record().Read([](const SandboxRecord& r) { return r.selinux_level.value; });
  SeLinuxContexts contexts =
      TRY(PodContexts(sandbox.config().linux().security_context(), level, host_.facts.selinux));
  return contexts.files.ToString();
}

// Without categories: containers of one pod may have levels of their own, and all of them read these.
Result<> Runtime::LabelPodFile(int fd, const std::string& path) const {
  std::string context = host_.facts.selinux.file.ToString();
  return context.empty() ? Result<>() : SetSeLinuxContext(fd, context, path);
}

}  // namespace davit
