// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A session from its first byte to its end: copies between the standard streams of davit and those of a
// command or a container, at a terminal or not.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/descriptors.h"
#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "cli/terminal/session_link.h"
#include "cli/verbs.h"

namespace davit::cli {

struct SessionChoice {
  bool input = false;            // pass standard input on
  bool terminal = false;         // the other side has a terminal
  std::string detach_keys = {};  // bytes; none: there is no way to detach by keys
  // Passes a signal on where there is no terminal. Null: SIGINT and SIGTERM end the session.
  std::function<void(int signo)> signal = {};
};

struct SessionEnd {
  enum class How : uint8_t {
    kExited,        // the command has, with `exit_code`
    kStreamsEnded,  // of a container: its output has ended
    kDetached,      // by keys; the command or container goes on
    kLeft,          // by a signal, `exit_code` is 128 and its number
  };
  How how = How::kExited;
  int exit_code = 0;
};

// The size of the person's terminal, for the beginning of a session.
std::optional<TerminalSize> WindowOf(const Console& console);

// kInvalidArgument if a terminal and input are wanted and standard input is not a terminal.
Result<> CheckInputDevice(const Console& console, bool terminal, bool input);

// Carries a command's session; `link` has had TakeStreams. An error is why the command did not start (with
// the errno of its program), or that its pod's shim has died.
Result<SessionEnd> RunCommandSession(const Session& session, SessionLink& link, Descriptors streams,
                                     const SessionChoice& choice);

// Carries a container's session.
Result<SessionEnd> RunContainerSession(const Session& session, Descriptors streams,
                                       const SessionChoice& choice);

}  // namespace davit::cli
