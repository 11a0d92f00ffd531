// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The session of a client at this node: a command, or a container, whose streams the client holds itself.
//
// The client connects to the daemon's session socket (SEQPACKET, frames of base/frame.h) and receives kToken.
// It names the token in a call of davit.v1 (api/davit/v1/sessions.proto); then the connection gets kStreams
// with the client's ends of the streams. The daemon passes the connection of a command on to the pod's shim,
// and has no part in what follows: the session outlives it. All other connections end after kStreams.
//
// Descriptors go to the client only, never from it: pipes that the daemon has made, and the controller of a
// terminal that the container's first or own process has made in the container's devpts. A descriptor of the
// client, which could be a terminal of the host (TIOCSTI), a file (reopened for writing through /proc), or a
// non-blocking socket that others share, never becomes a descriptor of a container. What the client sends is
// read without room for descriptors: the kernel closes them.
//
// Compatibility: as shim/protocol.h. Client, daemon and shim may be of three releases.
#pragma once

#include <cstdint>
#include <string>

#include "base/codec.h"

namespace davit::shim {

// The session socket's path is that of the daemon's socket and this.
inline constexpr char kSessionSocketSuffix[] = ".sessions";

// The message after the dash: the payload, then descriptors (FdRole of shim/protocol.h); "?" marks those that
// may be absent. The shim sends kFailed, kExecStarted and kExecExited of shim/protocol.h as well.
enum class SessionMessage : uint32_t {
  // From the daemon.
  kToken = 60,  // SessionToken, once the connection is accepted
  // No payload. Of a command: kStdin?, kStdout?, kStderr?. Of a container: kStdout, kStderr, kCutOff,
  // kTerminal?, kInput?. All pipe ends are non-blocking.
  kStreams = 61,

  // From the client to the shim, without answer.
  kSignal = 62,  // SessionSignal
  // No payload: the command goes on when the connection ends, and its terminal's output is dropped. Ignored
  // for a command without a terminal.
  kDetach = 63,
};

struct SessionToken {
  std::string token;

  auto Fields() { return FieldList(Field<1>(token)); }
};

// For the process group of the command.
struct SessionSignal {
  int32_t signal = 0;  // 1 to 64; others are ignored

  auto Fields() { return FieldList(Field<1>(signal)); }
};

}  // namespace davit::shim
