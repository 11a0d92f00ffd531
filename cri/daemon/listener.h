// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The UNIX socket that serves the CRI.
#pragma once

#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

struct Listener {
  UniqueFd socket;  // non-blocking
  // Whether its path is ours to remove. The service manager's socket stays, and whoever connects waits there
  // for the next daemon.
  bool own = true;
};

// The socket that the service manager holds for us at `path` (sd_listen_fds(3)), else one of our own in place
// of what a killed daemon has left there, with mode 0660. That no other daemon is alive is for the caller to
// know. A service manager's socket at another path is an error.
Result<Listener> OpenListener(const std::string& path);

}  // namespace davit
