// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What procfs says of processes, as ps(1) prints it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace davit::cli {

struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  uid_t uid = 0;
  uint32_t terminal = 0;   // device number; 0: none
  int64_t cpu_ms = 0;      // used so far
  int64_t started_ms = 0;  // since the host's boot
  std::string command;     // with its arguments, as one line; "[NAME]" if it has none
};

// nullopt if the process has ended.
std::optional<ProcessInfo> ReadProcess(pid_t pid);

// All but pid, uid and arguments from the content of /proc/PID/stat (proc_pid_stat(5)), with
// `ticks_per_second` of sysconf(3). nullopt for any other text. The name may contain parentheses and spaces.
std::optional<ProcessInfo> ParseProcessStat(std::string_view text, int64_t ticks_per_second);

// "pts/3", "tty1", "?" without one; "MAJOR:MINOR" for others.
std::string TerminalText(uint32_t device);

}  // namespace davit::cli
