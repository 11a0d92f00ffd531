// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The UNIX socket on which the daemon serves the CRI.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cri {

struct Listener {
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  UniqueFd socket;  // non-blocking
  // The socket file that the daemon created and removes at its end. Absent if the service manager owns the
  // socket: it stays, and clients that connect block until the next daemon serves.
  std::optional<File> file;
};

// How long OpenListener waits for the server of an existing socket to send data or to end.
constexpr int64_t kListenerPatienceMs = 3'000;

// Returns the socket that the service manager passed for `path` (sd_listen_fds(3)), or else creates one with
// mode 0660. A socket file left by a killed daemon is replaced. kFailedPrecondition if the server of the
// socket is alive (the error names the process) or if `path` is another kind of file. kInvalidArgument if the
// service manager passed a socket, but for another path.
Result<Listener> OpenListener(const std::string& path, int64_t patience_ms = kListenerPatienceMs);

// Removes the listener's file, unless another file has replaced it.
void RemoveSocketFile(const Listener& listener);

}  // namespace davit::cri
