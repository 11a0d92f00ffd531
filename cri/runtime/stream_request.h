// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What Exec and Attach have in common.
#pragma once

#include "base/error.h"
#include "cri/pods/pod.h"
#include "streaming/targets.h"

namespace davit {

// kInvalidArgument when the client asks for none, or for stderr beside a terminal, which has no such thing.
template <typename Request>
Result<StreamSet> StreamsOf(const Request& request) {
  StreamSet streams{request.stdin(), request.stdout(), request.stderr(), request.tty()};
  if (streams.terminal && streams.err) {
    return Fail(Code::kInvalidArgument, "validate", "tty, stderr", "a terminal has no stderr of its own");
  }
  if (!streams.in && !streams.out && !streams.err) {
    return Fail(Code::kInvalidArgument, "validate", "stdin, stdout, stderr", "none is asked for");
  }
  return streams;
}

Result<> RequireRunning(const Container& container, std::string_view step);

// The three uses of a terminal's controller, each with a descriptor of its own: an event loop watches one
// descriptor once.
Result<ProcessStreams> TerminalStreams(UniqueFd controller);

}  // namespace davit
