// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Ends everything in a cgroup.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "shim/environment.h"

namespace davit {

// Kills in rounds: list, signal, wait for those to be gone, list again, until the list is empty. A round
// waits on pidfds, so nothing is polled; forks between two lists meet the next round.
class CgroupSweep {
 public:
  // Called once, when the cgroup is empty, or when what is left could not be killed in time (a process that
  // hangs in the kernel). The sweep may be destroyed inside.
  using OnDone = std::function<void(bool empty)>;

  // `procs` is a cgroup.procs or v1 `tasks`, `kill` a cgroup.kill or -1; both stay the caller's.
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

// The pids in a cgroup.procs, from its beginning.
Result<std::vector<pid_t>> ReadPids(int procs);

}  // namespace davit
