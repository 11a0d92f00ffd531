// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The terminal of a container or of an exec that asked for one (pty(7)).
#pragma once

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

struct Console {
  UniqueFd controller;  // for the shim: what it reads is the container's output
  UniqueFd peer;        // the container's end
};

// A new pseudoterminal of the devpts mounted at /dev/pts inside `root_fd`. Nothing is opened by a name that
// the container could have prepared: the multiplexer is verified, and it hands out the peer itself
// (CVE-2025-52565).
Result<Console> OpenTerminal(int root_fd);

// The same, bound on /dev/console as well: the container's own.
Result<Console> OpenConsole(int root_fd);

// Makes `peer` the controlling terminal of the calling session leader, owned by `uid`.
Result<> AdoptConsole(int peer, uint32_t uid);

}  // namespace davit
