// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Messages between the shim and a child from clone to exec, on a socket pair that exec closes.
//
//   helper: kBorn          the pid and the pidfd of the child that it has made (clone.h)
//   shim:   kRelease       rlimits and OOM score are set
//   child:  kReady         its part is done; carries the descriptors that it has made
//   child:  kConsole       the controller of its terminal, if it has one
//   child:  kAnnouncement  its identity and program; execve is next
//   child:  kFailed        the error; the child then exits
// The end of the stream after kAnnouncement means that exec succeeded; without kAnnouncement, that the child
// died before exec. A child under a seccomp filter cannot report an error after kAnnouncement: its exit
// status is examined instead (exec_outcome.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error.h"
#include "base/frame.h"
#include "base/unique_fd.h"

namespace davit::shim {

enum class SyncMessage : uint32_t { kReady = 1, kRelease, kConsole, kAnnouncement, kFailed, kBorn };

// The roles of descriptors in these frames.
enum class SyncFd : uint32_t {
  kNetNamespace = kPayloadRole + 1,
  kIpcNamespace,
  kUtsNamespace,
  kMountNamespace,
  kController,  // of a terminal
  kTerminal,    // its other end
  kProcfs,
  kProcess,  // a pidfd
};

// The ids that a process runs with, after all names are resolved.
struct Identity {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;  // the primary one first
  std::string home;

  auto Fields() { return FieldList(Field<1>(uid), Field<2>(gid), Field<3>(groups), Field<4>(home)); }
};

// The last message of a child before its execve.
struct Announcement {
  Identity identity;
  std::string file;       // the program that it executes
  std::string context;    // the SELinux context that the program gets; empty: none
  bool filtered = false;  // a seccomp filter is installed after this message

  auto Fields() {
    return FieldList(Field<1>(identity), Field<2>(file), Field<3>(context), Field<4>(filtered));
  }
};

struct SyncPair {
  UniqueFd shim;   // non-blocking
  UniqueFd child;  // blocking
};
Result<SyncPair> MakeSyncPair();

// `fds` is as in SendFrame.
Result<> SendSync(int socket, SyncMessage message, std::string_view payload = {},
                  std::span<const RoleFd> fds = {});

// Blocks until the child sends a message, and returns it. Returns a kFailed as its error, and nullopt if the
// child ended without a message.
Result<std::optional<Frame>> AwaitChild(int socket);

// Blocks until kRelease arrives. Fails if the stream ends, because the shim has died then.
Result<> AwaitRelease(int socket);

// Sends the error as kFailed and exits the calling child.
[[noreturn]] void ReportAndExit(int socket, const Error& error);

}  // namespace davit::shim
