// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/unpack/syscall_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <unistd.h>

#include <memory>

namespace davit::images {
namespace {

#ifdef DAVIT_SANITIZED
constexpr bool kLoad = false;
#else
constexpr bool kLoad = true;
#endif

constexpr int kAllowed[] = {
    // Streams and files.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(openat),
    SCMP_SYS(openat2), SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(newfstatat), SCMP_SYS(statx),
    SCMP_SYS(getdents64), SCMP_SYS(readlinkat), SCMP_SYS(mkdirat), SCMP_SYS(mknodat), SCMP_SYS(linkat),
    SCMP_SYS(symlinkat), SCMP_SYS(unlinkat), SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat), SCMP_SYS(fsetxattr), SCMP_SYS(utimensat), SCMP_SYS(ftruncate),
    // Memory, threads, the end. clone3 is refused below, and glibc falls back to clone.
    SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield), SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group)};

// The descriptor's flags. Others name a process that gets signals (F_SETOWN, F_SETOWN_EX, F_SETSIG), or let
// this one delay or watch others' access to files (F_SETLEASE, F_NOTIFY).
constexpr int kDescriptorCommands[] = {F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};

// Calls that are allowed for some objects only. abort(3) and raise(3) signal the process itself; every other
// process of root is out of reach, which its user id and the lack of CAP_KILL alone do not ensure (kill(2)).
int AddConditionalRules(scmp_filter_ctx filter) {
  int status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid()), 0));
  for (int command : kDescriptorCommands) {
    if (status < 0) return status;
    status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                              SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command), 0));
  }
  if (status < 0) return status;
  // Threads, but no processes and no namespaces.
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                          SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

}  // namespace

Result<> LoadSyscallFilter(std::span<const int> more) {
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)),
                                                          seccomp_release);
  if (!filter) return SystemError("seccomp_init", "unpacker", ENOMEM);
  for (std::span<const int> calls : {std::span<const int>(kAllowed), more}) {
    for (int call : calls) {
      if (int status = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0); status < 0)
        return SystemError("seccomp_rule_add", "unpacker", -status);
    }
  }
  int status = AddConditionalRules(filter.get());
  if (status == 0) status = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  if (status == 0 && kLoad) status = seccomp_load(filter.get());
  if (status < 0) return SystemError("seccomp_load", "unpacker", -status);
  return {};
}

}  // namespace davit::images
