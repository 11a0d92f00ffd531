// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Running the project's own scripts from a test.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace davit::client {

struct CommandOutcome {
  int exit_code = 0;
  std::string output;  // standard output and standard error
};

// Runs `arguments` (the first is an absolute path) and waits for its end. It inherits this process's
// environment and only the descriptors `fds`, as {number here, number there}.
CommandOutcome Run(const std::vector<std::string>& arguments,
                   const std::vector<std::pair<int, int>>& fds = {});

// The same for a command that has to succeed: throws with its output otherwise.
std::string MustRun(const std::vector<std::string>& arguments,
                    const std::vector<std::pair<int, int>>& fds = {});

// A path below the source tree.
std::string SourcePath(const std::string& relative);

}  // namespace davit::client
