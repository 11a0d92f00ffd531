// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The memory that processes of a runtime use, read from /proc.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace davit::bench {

// The processes that a runtime keeps for a pod: those whose command line names it. With davitd this is the
// shim, with containerd its shim.
std::vector<pid_t> RuntimeProcessesOf(const std::string& pod);

// The server and its children: these and their forks do all later work of the server.
std::vector<pid_t> WithChildren(pid_t server);

// Private memory (smaps_rollup, clean and dirty) in KiB.
double PrivateKib(pid_t pid);

// The resident memory of a process, from the construction on.
class MemoryWatch {
 public:
  explicit MemoryWatch(pid_t pid);
  int before_kib() const { return before_kib_; }
  int PeakKib() const;
  int NowKib() const;

 private:
  std::string directory_;
  int before_kib_;
};

}  // namespace davit::bench
