// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/process.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/codec.h"
#include "base/open_beneath.h"
#include "shim/exec_outcome.h"
#include "shim/init/capabilities.h"
#include "shim/init/console.h"
#include "shim/init/exec_profile.h"
#include "shim/init/executable.h"
#include "shim/init/identity.h"
#include "shim/init/own_process.h"
#include "shim/init/seccomp.h"
#include "shim/init/stdio.h"

namespace davit::shim {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The directory is looked up without magic links, so that no descriptor of the runtime's can be named through
// /proc/self/fd, and the result has to be one that the kernel can name from the root (CVE-2024-21626).
Result<> EnterWorkingDirectory(int root_fd, const std::string& path) {
  auto directory = OpenBeneath(root_fd, path, Resolve::kInRoot, O_PATH | O_DIRECTORY);
  if (!directory) return std::unexpected(Within("working directory", directory.error()));
  if (fchdir(directory->get()) < 0) return SystemError("working directory: chdir", path);
  char buffer[PATH_MAX];
  // The C library's getcwd makes an error of a path outside of the root; the system call says it in the path.
  long length = syscall(SYS_getcwd, buffer, sizeof buffer);
  if (length < 0) return SystemError("working directory: getcwd", path);
  if (buffer[0] != '/') {
    return Fail(Code::kPermissionDenied, "working directory", path, "outside of the container's root");
  }
  return {};
}

bool MayHelpAsUser(const Result<>& entered) {
  return !entered && (entered.error().os_errno == EACCES || entered.error().os_errno == EPERM);
}

Result<> ChangeIds(const Identity& identity) {
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_KEEPCAPS)", "1");
  // Raw calls: the C library's are a protocol between threads, and there is only this one.
  if (syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) < 0) {
    return SystemError("setgroups", std::to_string(identity.groups.size()) + " groups");
  }
  if (syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) < 0) {
    return SystemError("setresgid", std::to_string(identity.gid));
  }
  if (syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) < 0) {
    return SystemError("setresuid", std::to_string(identity.uid));
  }
  return {};
}

// A filter takes CAP_SYS_ADMIN or no_new_privs. It is put on last of all, so that it need not allow what
// comes before; until then the process keeps the capability, which it loses at execve: that computes all sets
// anew from the bounding, inheritable and ambient ones (capabilities(7)).
CapabilitySets UntilExec(CapabilitySets sets, uint64_t permitted_now, const ProcessInputs& inputs) {
  if (inputs.seccomp_program.empty() || inputs.plan->no_new_privileges) return sets;
  uint64_t right = permitted_now & uint64_t{1} << CAP_SYS_ADMIN;
  sets.permitted |= right;
  sets.effective |= right;
  return sets;
}

// Chdir comes first as root, who may enter what a volume's owner closed to others, then as the user, who may
// enter what a root-squashing NFS server closed to root.
Result<> BecomeUser(const ProcessInputs& inputs, const Identity& identity, int root_fd) {
  const ProcessPlan& plan = *inputs.plan;
  uint64_t permitted = TRY(ReadPermittedCapabilities());
  CapabilitySets sets = ReachableCapabilities(plan.capabilities, permitted);
  Result<> entered = EnterWorkingDirectory(root_fd, plan.cwd);
  if (!entered && !MayHelpAsUser(entered)) return entered;
  TRY(LimitBoundingSet(sets.bounding));
  TRY(ChangeIds(identity));
  if (!entered) TRY(EnterWorkingDirectory(root_fd, plan.cwd));
  return SetCapabilities(UntilExec(sets, permitted, inputs));
}

// A keyring of its own: keys of the host's root stay where they are. Kernels without keyrings have none to
// leak.
Result<> LeaveSessionKeyring() {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS && errno != EPERM) {
    return SystemError("keyctl", "JOIN_SESSION_KEYRING");
  }
  return {};
}

// Everything that the program must not inherit. After this only execve remains, and what reports that it
// failed.
Result<> ShedRuntimeState() {
  umask(0022);
  if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0) return SystemError("prctl(PR_SET_PDEATHSIG)", "0");
  sigset_t none;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, nullptr) < 0) return SystemError("sigprocmask", "none");
  // Whatever was opened without O_CLOEXEC somewhere below us.
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return SystemError("close_range", "3");
  return {};
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Counts from execve on: until then nothing is confined.
Result<> Confine(const ProcessInputs& inputs) {
  return HasExecProfile(*inputs.plan) ? ChangeOnExec(*inputs.plan, inputs.exec_profile.get()) : Result<>();
}

Result<> Restrict(const ProcessInputs& inputs, const Identity& identity, int root_fd) {
  TRY(LeaveSessionKeyring());
  TRY(Confine(inputs));
  if (inputs.plan->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
    return SystemError("prctl(PR_SET_NO_NEW_PRIVS)", "1");
  }
  TRY(BecomeUser(inputs, identity, root_fd));
  return ShedRuntimeState();
}

// All but the filter and execve, up to the announcement to the shim. Returns the environment.
Result<std::vector<std::string>> Prepare(const ProcessInputs& inputs, int root_fd, int sync,
                                         Announcement& announcement) {
  const ProcessPlan& plan = *inputs.plan;
  if (plan.args.empty()) return Fail(Code::kInvalidArgument, "exec", "", "no program");
  Identity& identity = announcement.identity;
  identity = inputs.identity != nullptr ? *inputs.identity : TRY(ResolveIdentity(root_fd, plan.user));
  std::vector<std::string> env = plan.env;
  if (FindVariable(env, "HOME") == nullptr) env.push_back("HOME=" + identity.home);
  const char* path = FindVariable(env, "PATH");

  TRY(SetStdio(inputs, root_fd));
  TRY(GiveStdio(identity.uid));
  if (inputs.terminal >= 0) TRY(AdoptConsole(inputs.terminal, identity.uid));
  TRY(Restrict(inputs, identity, root_fd));
  announcement.file = TRY(FindExecutable(plan.args[0], path != nullptr ? path : kDefaultPath));
  TRY(SendSync(sync, SyncMessage::kAnnouncement, Encode(announcement)));
  return env;
}

// From the filter on there is execve, and exit_group with its errno, and nothing else: no report, and no
// memory to be had from the kernel either.
Error FilterAndExecute(const std::string& program, const char* file, char** argv, char** envp) {
  Result<> filtered = InstallSeccomp(program);
  if (!filtered) return filtered.error();
  execve(file, argv, envp);
  _exit(errno);
}

Error Execute(const ProcessInputs& inputs, int root_fd, int sync) {
  const ProcessPlan& plan = *inputs.plan;
  Announcement announcement{.identity = {},
                            .file = {},
                            .context = plan.selinux.process,
                            .filtered = !inputs.seccomp_program.empty()};
  Result<std::vector<std::string>> env = Prepare(inputs, root_fd, sync, announcement);
  if (!env) return env.error();
  std::vector<char*> argv = Pointers(plan.args);
  std::vector<char*> envp = Pointers(*env);
  const char* file = announcement.file.c_str();
  if (announcement.filtered) return FilterAndExecute(inputs.seccomp_program, file, argv.data(), envp.data());
  execve(file, argv.data(), envp.data());
  return ExecFailed(announcement, errno);
}

}  // namespace

Error BecomeProcess(ProcessInputs inputs, int root_fd, int sync) {
  const int* stdio = inputs.stdio;
  Result<> kept = CloseAllBut({root_fd, sync, stdio[0], stdio[1], stdio[2], inputs.terminal,
                               inputs.spare_null, inputs.exec_profile.get()});
  if (!kept) return kept.error();
  return Execute(inputs, root_fd, sync);
}

}  // namespace davit::shim
