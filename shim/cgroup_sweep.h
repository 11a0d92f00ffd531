// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Kills all processes in a cgroup.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "shim/environment.h"

namespace davit::shim {

// Kills in rounds: lists the processes, sends SIGKILL, waits until they have ended, and lists again, until
// the list is empty. A round waits on pidfds, without polling; a process that is forked between two lists is
// killed in the next round.
class CgroupSweep {
 public:
  // Called once: with true when the cgroup is empty, with false if processes could not be killed within 10
  // seconds (they hang in the kernel). May destroy the sweep.
  using OnDone = std::function<void(bool empty)>;

  // `procs` is an open cgroup.procs or v1 `tasks`, `kill` an open cgroup.kill or -1. The caller keeps both
  // open while the sweep exists.
  CgroupSweep(Environment& env, int procs, int kill, OnDone on_done);
  ~CgroupSweep();
  CgroupSweep(const CgroupSweep&) = delete;
  CgroupSweep& operator=(const CgroupSweep&) = delete;

  void Begin();

 private:
  void Round();
  void OnProcessGone(int pidfd);
  void Finish(bool empty);

  Environment& env_;
  int procs_;
  int kill_;
  OnDone on_done_;
  std::map<int, PidFd> dying_;  // by descriptor
  Timers::Id timer_ = 0;
};

// Reads the pids in a cgroup.procs from offset 0. Processes outside of the reader's PID namespace are
// omitted.
Result<std::vector<pid_t>> ReadPids(int procs);

}  // namespace davit::shim
