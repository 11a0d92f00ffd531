// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pipes between the daemon and a process in a pod.
#pragma once

#include <fcntl.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cri {

struct StreamPipe {
  UniqueFd ours;    // non-blocking
  UniqueFd theirs;  // blocking, as programs expect
};

enum class Direction { kToProcess, kFromProcess };

// Creates a pipe with a buffer of `bytes`. If the host does not allow that (/proc/sys/fs/pipe-max-size, or
// the user's limit of pipe pages), the pipe has the default size.
inline Result<StreamPipe> MakeStreamPipe(Direction direction, int bytes) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", "stream");
  bool out = direction == Direction::kFromProcess;
  StreamPipe pipe{UniqueFd(ends[out ? 0 : 1]), UniqueFd(ends[out ? 1 : 0])};
  if (fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "stream");
  fcntl(pipe.ours.get(), F_SETPIPE_SZ, bytes);
  return pipe;
}

}  // namespace davit::cri
