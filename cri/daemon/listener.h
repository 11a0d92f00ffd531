// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The UNIX socket that serves the CRI.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

struct Listener {
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };

  UniqueFd socket;  // non-blocking
  // The file that is ours to remove. None: the service manager's socket stays, and clients that connect wait
  // there for the next daemon.
  std::optional<File> file;
};

// How long the server of an existing socket may take to show that it is alive, or to end.
constexpr int64_t kListenerPatienceMs = 3'000;

// The socket that the service manager holds for us at `path` (sd_listen_fds(3)), else one of our own, with
// mode 0660. A socket that a killed daemon has left at `path` is replaced; one whose server lives is not
// (kFailedPrecondition, naming the process), nor is a file of another kind. A service manager's socket at
// another path is an error.
Result<Listener> OpenListener(const std::string& path, int64_t patience_ms = kListenerPatienceMs);

// Removes the listener's file, unless another one is at its path by now.
void RemoveSocketFile(const Listener& listener);

}  // namespace davit
