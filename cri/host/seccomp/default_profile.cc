// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/default_profile.h"

#include <linux/capability.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include <cerrno>
#include <span>

namespace davit::cri {
namespace {

using Names = std::span<const char* const>;

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kNoPermission = SECCOMP_RET_ERRNO | EPERM;
constexpr uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;

// clang-format off
constexpr const char* kDescriptors[] = {
    "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "flock", "ioctl", "pipe", "pipe2",
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
    "lseek", "_llseek", "readahead", "fadvise64", "fadvise64_64", "arm_fadvise64_64",
    "splice", "tee", "vmsplice", "sendfile", "sendfile64", "copy_file_range",
    "sync", "syncfs", "fsync", "fdatasync", "sync_file_range", "sync_file_range2", "arm_sync_file_range",
    "cachestat",
    "io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
    "io_pgetevents_time64",
};

constexpr const char* kWaiting[] = {
    "select", "_newselect", "pselect6", "pselect6_time64", "poll", "ppoll", "ppoll_time64",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_wait", "epoll_wait_old",
    "epoll_pwait",
    "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
    "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime", "timerfd_settime64",
    "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_mark",
};

constexpr const char* kFiles[] = {
    "open", "openat", "openat2", "creat", "access", "faccessat", "faccessat2", "umask",
    "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "fstatat64", "newfstatat", "statx",
    "statfs", "statfs64", "fstatfs", "fstatfs64", "statmount", "listmount",
    "chdir", "fchdir", "getcwd", "getdents", "getdents64", "name_to_handle_at",
    "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "unlink", "unlinkat", "rename", "renameat", "renameat2",
    "link", "linkat", "symlink", "symlinkat", "readlink", "readlinkat",
    "truncate", "truncate64", "ftruncate", "ftruncate64", "fallocate",
    "chmod", "fchmod", "fchmodat", "fchmodat2",
    "chown", "chown32", "fchown", "fchown32", "lchown", "lchown32", "fchownat",
    "utime", "utimes", "futimesat", "utimensat", "utimensat_time64",
    "getxattr", "lgetxattr", "fgetxattr", "getxattrat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
    "listxattr", "llistxattr", "flistxattr", "listxattrat",
    "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_getattr", "file_setattr",
};

constexpr const char* kMemory[] = {
    "brk", "mmap", "mmap2", "munmap", "mremap", "remap_file_pages", "mprotect", "madvise", "mincore",
    "msync", "mseal",
    "mlock", "mlock2", "mlockall", "munlock", "munlockall", "membarrier", "map_shadow_stack",
    "memfd_create", "memfd_secret", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_mrelease",
};

constexpr const char* kProcesses[] = {
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "waitpid",
    "getpid", "getppid", "gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid",
    "pidfd_open", "pidfd_send_signal", "ptrace", "process_vm_readv", "process_vm_writev",
    "prctl", "arch_prctl", "modify_ldt", "seccomp",
    "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
    "set_tid_address", "set_thread_area", "get_thread_area", "set_robust_list", "get_robust_list", "rseq",
    "futex", "futex_time64", "futex_waitv", "futex_wait", "futex_wake", "futex_requeue",
    "getrlimit", "ugetrlimit", "setrlimit", "prlimit64", "getrusage", "times", "getpriority", "setpriority",
    "ioprio_get", "ioprio_set", "getcpu", "sched_yield", "sched_getaffinity", "sched_setaffinity",
    "sched_getattr", "sched_setattr", "sched_getparam", "sched_setparam", "sched_getscheduler",
    "sched_setscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval",
    "sched_rr_get_interval_time64",
    "uname", "sysinfo", "getrandom", "breakpoint", "cacheflush", "set_tls",
};

constexpr const char* kIdentity[] = {
    "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32",
    "getresuid", "getresuid32", "getresgid", "getresgid32", "getgroups", "getgroups32",
    "setuid", "setuid32", "setgid", "setgid32", "setreuid", "setreuid32", "setregid", "setregid32",
    "setresuid", "setresuid32", "setresgid", "setresgid32", "setfsuid", "setfsuid32", "setfsgid",
    "setfsgid32",
    "setgroups", "setgroups32", "capget", "capset",
};

constexpr const char* kSignals[] = {
    "kill", "tkill", "tgkill", "pause", "alarm", "restart_syscall", "sigaltstack", "sigprocmask", "sigreturn",
    "rt_sigaction", "rt_sigprocmask", "rt_sigpending", "rt_sigsuspend", "rt_sigreturn", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "rt_sigtimedwait", "rt_sigtimedwait_time64",
    "uretprobe", "uprobe",  // what the kernel's own trampolines call in a process that is traced from outside
};

// Reading clocks; adjtimex and clock_adjtime check CAP_SYS_TIME themselves when asked to change anything.
constexpr const char* kTime[] = {
    "time", "gettimeofday", "adjtimex", "clock_adjtime", "clock_adjtime64",
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "getitimer", "setitimer",
    "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
    "timer_settime64",
};

constexpr const char* kSockets[] = {
    "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername",
    "getsockopt", "setsockopt", "send", "sendto", "sendmsg", "sendmmsg",
    "recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64",
};

constexpr const char* kSystemV[] = {
    "ipc", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop",
    "semtimedop_time64",
    "shmat", "shmctl", "shmdt", "shmget",
    "mq_open", "mq_unlink", "mq_getsetattr", "mq_notify", "mq_timedreceive", "mq_timedreceive_time64",
    "mq_timedsend", "mq_timedsend_time64",
};

constexpr const char* kAdmin[] = {
    "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree", "open_tree_attr",
    "fsopen", "fsconfig", "fsmount", "fspick", "quotactl", "quotactl_fd",
    "clone", "clone3", "setns", "unshare", "sethostname", "setdomainname", "bpf", "perf_event_open",
    "fanotify_init",
    "syslog", "lookup_dcookie", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules",
};
constexpr const char* kTracer[] = {"kcmp", "pidfd_getfd", "process_madvise"};
constexpr const char* kScheduler[] = {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"};
constexpr const char* kClock[] = {"settimeofday", "stime", "clock_settime", "clock_settime64"};
constexpr const char* kModules[] = {"init_module", "finit_module", "delete_module"};
constexpr const char* kRawIo[] = {"iopl", "ioperm"};
constexpr const char* kHandles[] = {"open_by_handle_at"};
constexpr const char* kChroot[] = {"chroot"};
constexpr const char* kBoot[] = {"reboot"};
constexpr const char* kAccounting[] = {"acct"};
constexpr const char* kTerminals[] = {"vhangup"};
constexpr const char* kKernelLog[] = {"syslog"};
constexpr const char* kBpf[] = {"bpf"};
constexpr const char* kPerf[] = {"perf_event_open"};
// clang-format on

constexpr Names kForAll[] = {kDescriptors, kWaiting, kFiles, kMemory,  kProcesses,
                             kIdentity,    kSignals, kTime,  kSockets, kSystemV};

struct Bought {
  int capability;
  Names names;
};
constexpr Bought kByCapability[] = {
    {CAP_SYS_ADMIN, kAdmin},
    {CAP_SYS_PTRACE, kTracer},
    {CAP_SYS_NICE, kScheduler},
    {CAP_SYS_TIME, kClock},
    {CAP_SYS_MODULE, kModules},
    {CAP_SYS_RAWIO, kRawIo},
    {CAP_DAC_READ_SEARCH, kHandles},
    {CAP_SYS_CHROOT, kChroot},
    {CAP_SYS_BOOT, kBoot},
    {CAP_SYS_PACCT, kAccounting},
    {CAP_SYS_TTY_CONFIG, kTerminals},
    {CAP_SYSLOG, kKernelLog},
    {CAP_BPF, kBpf},
    {CAP_PERFMON, kPerf},
};

constexpr uint64_t kNamespaceFlags =
    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;

bool Has(uint64_t capabilities, int capability) {
  return (capabilities >> capability & 1) != 0;
}

SeccompCondition FirstInt(SeccompOperator op, uint64_t value) {
  return {.argument = 0, .op = op, .value = value, .mask = 0, .width = ArgumentWidth::kInt};
}

// AF_ALG and AF_VSOCK reach the host's page cache and its hypervisor past every namespace. Conditions of one
// rule are ANDed and rules are ORed, so "neither of two" has to be said as ranges: two rules with "not equal"
// would allow all.
void AddSockets(Socketcall socketcall, std::vector<SeccompRule>& rules) {
  rules.push_back({"socket", kAllow, {FirstInt(SeccompOperator::kLess, AF_ALG)}});
  static_assert(AF_VSOCK == AF_ALG + 2, "the one family between them");
  rules.push_back({"socket", kAllow, {FirstInt(SeccompOperator::kEqual, AF_ALG + 1)}});
  rules.push_back({"socket", kAllow, {FirstInt(SeccompOperator::kGreater, AF_VSOCK)}});
  if (socketcall == Socketcall::kAllowed) {
    rules.push_back({"socketcall", kAllow, {}});
  } else {
    // ENOSYS, not EPERM: a C library that has a way back to socket(2) takes it. The other sub-calls follow
    // the rules for their names (multiplexer.h).
    rules.push_back({"socketcall", kNoSuchCall, {FirstInt(SeccompOperator::kEqual, SYS_SOCKET)}});
  }
}

// Old ABIs that programs ask for, and the query. Switching off address randomisation is not among them.
void AddPersonality(std::vector<SeccompRule>& rules) {
  constexpr uint64_t kQuery = 0xffffffff;
  for (uint64_t persona : {uint64_t{PER_LINUX}, uint64_t{PER_LINUX32}, uint64_t{UNAME26},
                           uint64_t{UNAME26} | PER_LINUX32, kQuery}) {
    rules.push_back({"personality", kAllow, {FirstInt(SeccompOperator::kEqual, persona)}});
  }
}

// clone3 passes its flags behind a pointer; ENOSYS makes libc use clone, whose flags can be looked at.
void AddCloneWithoutNamespaces(std::vector<SeccompRule>& rules) {
  SeccompCondition no_namespace = FirstInt(SeccompOperator::kMaskedEqual, 0);
  no_namespace.mask = kNamespaceFlags;
  rules.push_back({"clone", kAllow, {no_namespace}});
  rules.push_back({"clone3", kNoSuchCall, {}});
}

}  // namespace

uint64_t DefaultProfileCapabilities() {
  uint64_t mask = 0;
  for (const Bought& bought : kByCapability) mask |= uint64_t{1} << bought.capability;
  return mask;
}

SeccompProfile DefaultSeccompProfile(uint64_t capabilities, Socketcall socketcall) {
  SeccompProfile profile{.default_verdict = kNoPermission, .compat_architecture = true, .rules = {}};
  auto allow = [&profile](Names names) {
    for (const char* name : names) profile.rules.push_back({name, kAllow, {}});
  };
  for (Names names : kForAll) allow(names);
  for (const Bought& bought : kByCapability) {
    if (Has(capabilities, bought.capability)) allow(bought.names);
  }
  AddSockets(socketcall, profile.rules);
  AddPersonality(profile.rules);
  if (!Has(capabilities, CAP_SYS_ADMIN)) AddCloneWithoutNamespaces(profile.rules);
  return profile;
}

}  // namespace davit::cri
