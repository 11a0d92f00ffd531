// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Shared by Exec and Attach.
#pragma once

#include "base/error.h"
#include "cri/pods/pod.h"
#include "streaming/targets.h"

namespace davit::cri {

// The streams that the client requests. kInvalidArgument if it requests none, or stderr with a terminal,
// which has no separate stderr.
template <typename Request>
Result<streaming::StreamSet> StreamsOf(const Request& request) {
  streaming::StreamSet streams{request.stdin(), request.stdout(), request.stderr(), request.tty()};
  if (streams.terminal && streams.err) {
    return Fail(Code::kInvalidArgument, "validate", "tty, stderr", "a terminal has no stderr of its own");
  }
  if (!streams.in && !streams.out && !streams.err) {
    return Fail(Code::kInvalidArgument, "validate", "stdin, stdout, stderr", "none is asked for");
  }
  return streams;
}

Result<> RequireRunning(const Container& container, std::string_view step);

// The streams of a terminal: its controller, and duplicates of it for input and output, because an event loop
// can watch a descriptor only once.
Result<streaming::ProcessStreams> TerminalStreams(UniqueFd controller);

}  // namespace davit::cri
