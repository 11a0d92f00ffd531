// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a client of davit.v1 asks for, and its connection (shim/session.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "cri/spec/process_plan.h"
#include "shim/protocol.h"

namespace davit::cri {

// A running container, as a session needs to know it.
struct SessionTarget {
  std::string id;
  bool tty = false;  // its program has a terminal
};

struct SessionExec {
  std::string container_id;  // of any owner
  std::vector<std::string> command;
  bool input = false;  // false: the command reads from /dev/null; ignored with a terminal
  std::optional<shim::WindowSize> terminal;  // absent: pipes
  ExecChanges changes = {};
};

struct SessionAttach {
  std::string container_id;  // of any owner
  bool input = false;
  bool patient = false;  // shim::AttachRequest
};

// A client that is attached before the container's program runs.
struct AttachedStart {
  UniqueFd connection;
  shim::Attachment wanted;
};

}  // namespace davit::cri
