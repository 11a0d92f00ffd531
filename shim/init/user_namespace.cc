// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/user_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file_io.h"
#include "base/frame.h"
#include "base/open_beneath.h"
#include "shim/clone.h"
#include "shim/init/capabilities.h"
#include "shim/init/own_process.h"
#include "shim/sync.h"

namespace davit::shim {
namespace {

// Only a process can make a user namespace, and only somebody outside can write its maps; it lives until its
// end of the socket is all that is left.
[[noreturn]] void HoldNamespace(int proc_fd, int sync) {
  Result<std::string> name = OwnProcName(proc_fd);
  if (!name) ReportAndExit(sync, name.error());
  [[maybe_unused]] Result<> told = SendSync(sync, SyncMessage::kReady, *name);
  [[maybe_unused]] Result<Frame> end = ReceiveFrame(sync);
  _exit(0);
}

Result<> WriteMap(int process_dir, const std::string& file, const IdRange& range) {
  UniqueFd fd = TRY(OpenBeneath(process_dir, file, Resolve::kStrict, O_WRONLY));
  std::string line =
      std::to_string(range.inside) + " " + std::to_string(range.outside) + " " + std::to_string(range.length);
  return WriteAll(fd.get(), line, file + " " + line);
}

Result<UniqueFd> MapAndOpen(const IdMap& ids, int proc_fd, int sync) {
  std::optional<Frame> ready = TRY(AwaitChild(sync));
  if (!ready) return Fail(Code::kInternal, "make user namespace", "child", "it ended without a word");
  UniqueFd process = TRY(OpenBeneath(proc_fd, ready->payload, Resolve::kStrict, O_PATH | O_DIRECTORY));
  TRY(WriteMap(process.get(), "uid_map", ids.uids));
  TRY(WriteMap(process.get(), "gid_map", ids.gids));
  return OpenAt(process.get(), "ns/user", O_RDONLY);
}

Result<> SetFilesystemIds(uint32_t uid, uint32_t gid) {
  setfsgid(gid);
  setfsuid(uid);
  // They return the previous id, whatever happened; no id at all changes nothing (setfsuid(2)).
  bool changed = static_cast<uint32_t>(setfsgid(static_cast<gid_t>(-1))) == gid &&
                 static_cast<uint32_t>(setfsuid(static_cast<uid_t>(-1))) == uid;
  return changed ? Result<>() : SystemError("setfsuid", std::to_string(uid), EPERM);
}

}  // namespace

Result<UniqueFd> MakeUserNamespace(const IdMap& ids, int proc_fd) {
  auto [ours, childs] = TRY(FramePair());
  ClonedProcess child = TRY(Clone({.namespaces = CLONE_NEWUSER}));
  if (child.pid == 0) {
    ours.Reset();
    HoldNamespace(proc_fd, childs.get());
  }
  childs.Reset();
  Result<UniqueFd> made = MapAndOpen(ids, proc_fd, ours.get());
  ours.Reset();
  waitpid(child.pid, nullptr, 0);
  return made;
}

Result<> EnterUserNamespace(int user_namespace) {
  if (setns(user_namespace, CLONE_NEWUSER) < 0) return SystemError("setns", "the pod's user namespace");
  return MakeFilesAsRoot();
}

Result<> MakeFilesAsRoot() {
  return SetFilesystemIds(0, 0);
}

Result<> BecomeRoot() {
  // Raw calls: the C library's are a protocol between threads, and there is only this one.
  if (syscall(SYS_setgroups, 0, nullptr) < 0) return SystemError("setgroups", "none");
  if (syscall(SYS_setresgid, 0, 0, 0) < 0) return SystemError("setresgid", "0");
  if (syscall(SYS_setresuid, 0, 0, 0) < 0) return SystemError("setresuid", "0");
  return {};
}

Result<> MakeFilesAsRootOf(const IdMap& ids) {
  TRY(SetFilesystemIds(ids.uids.outside, ids.gids.outside));
  // Leaving filesystem id 0 takes the capabilities on files away (capabilities(7)).
  CapabilitySets all;
  all.permitted = all.effective = TRY(ReadPermittedCapabilities());
  return SetCapabilities(all);
}

}  // namespace davit::shim
