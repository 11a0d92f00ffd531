// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every part of the shim works with; wired up once, in main.
#pragma once

#include "base/event_loop.h"
#include "base/log.h"
#include "shim/children.h"
#include "shim/log_writer.h"
#include "shim/own_mounts.h"
#include "shim/timers.h"

namespace davit {

struct Environment {
  EventLoop& loop;
  Timers& timers;
  Children& children;
  const Logger& log;
  LogBuffers& log_buffers;
  const OwnMounts& own;
  int null_fd;    // the shim's own /dev/null
  int exits_dir;  // for exit records
};

}  // namespace davit
