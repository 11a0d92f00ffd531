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

namespace davit::shim {
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

Result<> ApplySysctls(const std::vector<Sysctl>& sysctls, int proc_fd, bool of_network) {
  for (const Sysctl& sysctl : sysctls) {
    if (IsNetworkSysctl(sysctl) != of_network) continue;
    auto written = WriteSysctl(proc_fd, sysctl);
    if (!written) return std::unexpected(Within("sysctl " + sysctl.path, written.error()));
  }
  return {};
}

Result<> SendNamespaces(NamespaceChoice choice, int proc_fd, int sync) {
  Descriptors namespaces;
  if (choice.net) namespaces.Add(SyncFd::kNetNamespace, TRY(OpenAt(proc_fd, "self/ns/net", O_RDONLY)));
  if (choice.ipc) namespaces.Add(SyncFd::kIpcNamespace, TRY(OpenAt(proc_fd, "self/ns/ipc", O_RDONLY)));
  if (choice.uts) namespaces.Add(SyncFd::kUtsNamespace, TRY(OpenAt(proc_fd, "self/ns/uts", O_RDONLY)));
  return SendSync(sync, SyncMessage::kReady, {}, namespaces.Borrow());
}

Result<> BecomeOwner(int user_namespace) {
  if (user_namespace < 0) return {};
  TRY(EnterUserNamespace(user_namespace));
  return BecomeRoot();  // sysctls ask for the user, not for capabilities
}

Result<> Make(NamespaceChoice choice, const OwnMounts& own, int user_namespace, int sync) {
  TRY(BecomeOwner(user_namespace));
  TRY(DieWithShim());
  int flags =
      (choice.net ? CLONE_NEWNET : 0) | (choice.ipc ? CLONE_NEWIPC : 0) | (choice.uts ? CLONE_NEWUTS : 0);
  if (unshare(flags) < 0) return SystemError("unshare", "the pod's namespaces");
  if (choice.net) TRY(RaiseLoopback());
  return SendNamespaces(choice, own.proc.get(), sync);
}

Result<> WriteSysctls(const SandboxPlan& plan, const OwnMounts& own, const PodNamespaces& pod, int sync) {
  TRY(BecomeOwner(pod.user.get()));
  TRY(DieWithShim());
  TRY(JoinPodNamespaces(pod, {}));
  TRY(ApplySysctls(plan.sysctls, own.proc.get(), /*of_network=*/false));
  if (!plan.ids.empty()) TRY(ApplySysctls(plan.sysctls, own.proc.get(), /*of_network=*/true));
  return SendSync(sync, SyncMessage::kReady);
}

// Does `work` in a namespace of the pod and comes back.
template <typename Work>
Result<> Visit(const OwnMounts& own, const std::string& name, int target, int type, Work work) {
  UniqueFd home = TRY(OpenAt(own.proc.get(), "self/ns/" + name, O_RDONLY));
  if (setns(target, type) < 0) return SystemError("setns", "the pod's " + name + " namespace");
  Result<> done = work();
  if (setns(home.get(), type) < 0) return SystemError("setns", "the shim's " + name + " namespace");
  return done;
}

[[noreturn]] void Report(Result<> done, int sync) {
  if (!done) ReportAndExit(sync, done.error());
  _exit(0);
}

}  // namespace

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

void RunNamespaceMaker(NamespaceChoice choice, const OwnMounts& own, int user_namespace, int sync) {
  Report(Make(choice, own, user_namespace, sync), sync);
}

void RunSysctlWriter(const SandboxPlan& plan, const OwnMounts& own, const PodNamespaces& pod, int sync) {
  Report(WriteSysctls(plan, own, pod, sync), sync);
}

bool IsNetworkSysctl(const Sysctl& sysctl) {
  return sysctl.path.starts_with("net/");
}

Result<> SetHostname(const OwnMounts& own, int uts, const std::string& hostname) {
  return Visit(own, "uts", uts, CLONE_NEWUTS, [&hostname]() -> Result<> {
    if (sethostname(hostname.data(), hostname.size()) < 0) return SystemError("sethostname", hostname);
    return {};
  });
}

Result<> WriteNetworkSysctls(const OwnMounts& own, int net, const std::vector<Sysctl>& sysctls) {
  return Visit(own, "net", net, CLONE_NEWNET,
               [&] { return ApplySysctls(sysctls, own.proc.get(), /*of_network=*/true); });
}

}  // namespace davit::shim
