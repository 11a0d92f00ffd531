// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The terminal of a container or of an exec that asked for one (pty(7)).
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/protocol.h"

namespace davit::shim {

struct Console {
  UniqueFd controller;  // for the shim: what it reads is the container's output
  UniqueFd peer;        // the container's end
};

// Opens a new pseudoterminal of the devpts that is mounted at /dev/pts inside `root_fd`. The container cannot
// redirect this by a prepared path: the multiplexer is verified, and the peer is obtained from the
// multiplexer and not by its name (CVE-2025-52565). Its window has the size `window`, if that is known.
Result<Console> OpenTerminal(int root_fd, const WindowSize& window);

// The same, for the container's first process: also binds the peer on /dev/console.
Result<Console> OpenConsole(int root_fd, const WindowSize& window);

// Makes `peer` the controlling terminal of the calling session leader, owned by `uid`.
Result<> AdoptConsole(int peer, uint32_t uid);

}  // namespace davit::shim
