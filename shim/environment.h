// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Objects that all parts of the shim use; created once, in main().
#pragma once

#include <span>

#include "base/event_loop.h"
#include "base/log.h"
#include "shim/children.h"
#include "shim/own_mounts.h"
#include "shim/timers.h"

namespace davit::shim {

class LateLogs;

struct Environment {
  EventLoop& loop;
  Timers& timers;
  Children& children;
  const Logger& log;
  LateLogs& late_logs;
  std::span<char> read_buffer;  // for output of containers; the content is valid within one callback only
  const OwnMounts& own;
  int null_fd;    // the shim's own /dev/null
  int exits_dir;  // for exit records
};

}  // namespace davit::shim
