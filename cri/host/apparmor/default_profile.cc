// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/apparmor/default_profile.h"

namespace davit::cri {
namespace {

// A second wall behind capabilities, seccomp, read-only mounts and masks: it also stands around a container
// that was given CAP_SYS_ADMIN, CAP_SYS_PTRACE or an unmasked /proc. Whatever no rule names is denied; "deny"
// adds that it is not logged either, and that no other rule allows it.
//
// Paths are those that the container sees. /proc/self is a link to /proc/PID, so what does not begin with a
// digit is the kernel's and not a process'.
constexpr char kRules[] = R"(
profile davit-default flags=(attach_disconnected, mediate_deleted) {
  capability,
  network,
  unix,
  file,

  # The host's processes may signal a container's, the other way round not.
  signal (receive) peer=unconfined,
  signal (send, receive) peer=davit-default,
  ptrace (trace, read, tracedby, readby) peer=davit-default,

  # Families that reach the host's crypto API and its hypervisor. Seccomp refuses them only where it sees the family: not
  # in the socketcall(2) of 32-bit programs.
  deny network alg,
  deny network vsock,

  deny mount,
  deny remount,
  deny umount,
  deny pivot_root,

  deny /proc/[^0-9]** wkl,
  deny /proc/{kcore,kmem,mem,sysrq-trigger} rwklx,

  # Of sysfs only the container's cgroups are for writing.
  deny /sys/[^f]** wkl,
  deny /sys/f[^s]** wkl,
  deny /sys/fs/[^c]** wkl,
  deny /sys/fs/c[^g]** wkl,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}
)";

}  // namespace

std::string DefaultAppArmorPolicy(const std::string& abi) {
  return (abi.empty() ? "" : "abi <" + abi + ">,\n") + kRules;
}

}  // namespace davit::cri
