// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/sandbox_setup.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "shim/init/own_process.h"
#include "shim/init/user_namespace.h"
#include "shim/sync.h"

namespace davit {
namespace {

Result<> RaiseLoopback() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return SystemError("socket", "AF_INET");
  ifreq request{};
  std::copy_n("lo", 3, request.ifr_name);
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) < 0) return SystemError("SIOCGIFFLAGS", "lo");
  request.ifr_flags |= IFF_UP;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0) return SystemError("SIOCSIFFLAGS", "lo");
  return {};
}

// Below the "sys" directory of the private procfs only, with no symlink and no mount on the way.
Result<> WriteSysctl(int proc_fd, const Sysctl& sysctl) {
  // This one file may be written by the host's root only, whoever the namespace belongs to.
  if (sysctl.path == "kernel/domainname") {
    if (setdomainname(sysctl.value.data(), sysctl.value.size()) == 0) return {};
    return SystemError("setdomainname", sysctl.value);
  }
  UniqueFd sys = TRY(OpenBeneath(proc_fd, "sys", Resolve::kStrict, O_PATH | O_DIRECTORY));
  UniqueFd file = TRY(OpenBeneath(sys.get(), sysctl.path, Resolve::kStrict, O_WRONLY));
  if (TEMP_FAILURE_RETRY(write(file.get(), sysctl.value.data(), sysctl.value.size())) < 0) {
    return SystemError("write", sysctl.path + " = " + sysctl.value);
  }
  return {};
}

Result<> ApplySysctls(const SandboxPlan& plan, int proc_fd) {
  for (const Sysctl& sysctl : plan.sysctls) {
    TRY(CheckSysctl(plan, sysctl.path));
    auto written = WriteSysctl(proc_fd, sysctl);
    if (!written) return std::unexpected(Within("sysctl " + sysctl.path, written.error()));
  }
  return {};
}

Result<> SendNamespaces(const SandboxPlan& plan, int proc_fd, int sync) {
  std::vector<UniqueFd> namespaces;
  if (plan.own_network) namespaces.push_back(TRY(OpenAt(proc_fd, "self/ns/net", O_RDONLY)));
  if (plan.own_ipc) namespaces.push_back(TRY(OpenAt(proc_fd, "self/ns/ipc", O_RDONLY)));
  if (!plan.hostname.empty()) namespaces.push_back(TRY(OpenAt(proc_fd, "self/ns/uts", O_RDONLY)));
  std::vector<int> fds;
  for (const UniqueFd& fd : namespaces) fds.push_back(fd.get());
  return SendSync(sync, SyncMessage::kReady, {}, fds);
}

Result<> SetUp(const SandboxPlan& plan, const OwnMounts& own, int user_namespace, int sync) {
  if (user_namespace >= 0) {
    TRY(EnterUserNamespace(user_namespace));
    TRY(BecomeRoot());  // sysctls ask for the user, not for capabilities
  }
  TRY(DieWithShim());
  if (unshare(static_cast<int>(SandboxNamespaces(plan))) < 0) return SystemError("unshare", plan.sandbox_id);
  if (plan.own_network) TRY(RaiseLoopback());
  if (!plan.hostname.empty() && sethostname(plan.hostname.data(), plan.hostname.size()) < 0) {
    return SystemError("sethostname", plan.hostname);
  }
  TRY(ApplySysctls(plan, own.proc.get()));
  return SendNamespaces(plan, own.proc.get(), sync);
}

}  // namespace

uint64_t SandboxNamespaces(const SandboxPlan& plan) {
  return (plan.own_network ? CLONE_NEWNET : 0) | (plan.own_ipc ? CLONE_NEWIPC : 0) |
         (plan.hostname.empty() ? 0 : CLONE_NEWUTS);
}

Result<> CheckSysctl(const SandboxPlan& plan, std::string_view path) {
  // The IPC sysctls of kernel/, see ipc_namespaces(7).
  constexpr std::string_view kIpc[] = {"kernel/msgmax",      "kernel/msgmnb",          "kernel/msgmni",
                                       "kernel/sem",         "kernel/shmall",          "kernel/shmmax",
                                       "kernel/shmmni",      "kernel/shm_rmid_forced", "kernel/msg_next_id",
                                       "kernel/sem_next_id", "kernel/shm_next_id",     "kernel/auto_msgmni"};
  if (path.find("..") != std::string_view::npos)
    return Fail(Code::kInvalidArgument, "sysctl", path, "not a plain path");
  bool net = path.starts_with("net/");
  bool ipc =
      path.starts_with("fs/mqueue/") || std::find(std::begin(kIpc), std::end(kIpc), path) != std::end(kIpc);
  bool uts = path == "kernel/domainname";
  if ((net && plan.own_network) || (ipc && plan.own_ipc) || (uts && !plan.hostname.empty())) return {};
  return Fail(Code::kInvalidArgument, "sysctl", path,
              net || ipc || uts ? "the pod uses the host's namespace for it"
                                : "not confined to a namespace of the pod");
}

void RunSandboxSetup(const SandboxPlan& plan, const OwnMounts& own, int user_namespace, int sync) {
  Result<> done = SetUp(plan, own, user_namespace, sync);
  if (!done) ReportAndExit(sync, done.error());
  _exit(0);
}

}  // namespace davit
