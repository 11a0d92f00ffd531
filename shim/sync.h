// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the shim and a child of its own say to each other between clone and exec, on a socket pair that exec
// closes.
//
//   helper: kBorn     the child, where another process made it (clone.h): its pid, and its pidfd
//   shim:  kRelease   rlimits and OOM score are in place
//   child: kReady     the namespaces that it was to make (sandbox only)
//   child: kConsole   its terminal, a descriptor (only with one)
//   child: kAnnouncement  who it will be; exec comes next
//   child: kFailed    and it exits
// The end of the stream after kAnnouncement means that exec succeeded, without it that the child died on the
// way. A child under a seccomp filter cannot report after it: its end is looked at (exec_outcome.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error.h"
#include "base/frame.h"
#include "base/unique_fd.h"

namespace davit {

enum class SyncMessage : uint32_t { kReady = 1, kRelease, kConsole, kAnnouncement, kFailed, kBorn };

// What a descriptor in these frames is for.
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

// As whom a process runs, after every lookup.
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
  bool filtered = false;  // a seccomp filter is in force from here on

  auto Fields() {
    return FieldList(Field<1>(identity), Field<2>(file), Field<3>(context), Field<4>(filtered));
  }
};

struct SyncPair {
  UniqueFd shim;   // non-blocking
  UniqueFd child;  // blocking
};
Result<SyncPair> MakeSyncPair();

// `fds` as SendFrame.
Result<> SendSync(int socket, SyncMessage message, std::string_view payload = {},
                  std::span<const RoleFd> fds = {});

// Waits for what a child has to say: its message, its failure as an error, or nothing when it ended without.
Result<std::optional<Frame>> AwaitChild(int socket);

// Waits for kRelease. The end of the stream means that the shim is gone.
Result<> AwaitRelease(int socket);

// Reports the error and ends the child.
[[noreturn]] void ReportAndExit(int socket, const Error& error);

}  // namespace davit
