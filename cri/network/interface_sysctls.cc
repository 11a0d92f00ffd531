// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/interface_sysctls.h"

#include <fcntl.h>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "cni/netns.h"
#include "cri/spec/sandbox_plan.h"

namespace davit::cri {
namespace {

Result<> Write(int sys_fd, const shim::Sysctl& sysctl) {
  UniqueFd file = TRY(OpenBeneath(sys_fd, sysctl.path, Resolve::kStrict, O_WRONLY));
  return WriteAll(file.get(), sysctl.value, sysctl.path + " = " + sysctl.value);
}

}  // namespace

Result<> WriteInterfaceSysctls(const ::runtime::v1::PodSandboxConfig& config, int netns_fd) {
  if (config.linux().sysctls().empty()) return {};
  std::vector<shim::Sysctl> sysctls = TRY(InterfaceSysctls(config));
  if (sysctls.empty()) return {};
  UniqueFd sys = TRY(OpenAt(AT_FDCWD, "/proc/sys", O_PATH | O_DIRECTORY));
  return cni::RunInNetns(netns_fd, [&]() -> Result<> {
    for (const shim::Sysctl& sysctl : sysctls) {
      Result<> written = Write(sys.get(), sysctl);
      if (!written) return std::unexpected(Within("sysctl " + sysctl.path, written.error()));
    }
    return {};
  });
}

}  // namespace davit::cri
