// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The program of a container: arguments, environment, working directory.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "images/image_config.h"
#include "shim/plan.h"

namespace davit::cri {

// `command` replaces the image's entrypoint and with it the image's cmd; `args` replaces the cmd alone.
// kInvalidArgument if the result is empty.
Result<std::vector<std::string>> MergeArguments(const ::runtime::v1::ContainerConfig& config,
                                                const images::ImageConfig& image);

// PATH and HOSTNAME (and TERM with a terminal) by default, then the image's variables, then the request's. Of
// two with the same name the later wins, at the position of the earlier. An entry without '=' or without a
// name is omitted if it is the image's, as in other runtimes, and kInvalidArgument if it is the request's.
Result<std::vector<std::string>> MergeEnvironment(const ::runtime::v1::ContainerConfig& config,
                                                  const images::ImageConfig& image,
                                                  const std::string& hostname);

// Each "NAME=value" replaces the entry with the same name, or is appended. Pass all entries in one call: each
// call sorts the names.
void SetVariables(std::vector<std::string>& env, std::vector<std::string> entries);

Result<std::string> ChooseWorkingDirectory(const ::runtime::v1::ContainerConfig& config,
                                           const images::ImageConfig& image);

// What a process has that its container's first process has not.
struct ExecChanges {
  std::vector<std::string> env = {};  // "NAME=value": added, or in place of those with the same names
  std::string user = {};              // as in ParseImageUser; empty: no other one
  std::string working_dir = {};       // absolute; empty: no other one
};

// A process in a running container: it has the user, environment, privileges and working directory of `init`,
// the container's first process, except for `changes`, but another command. Another user has the
// supplementary groups that were requested for the container, too. kInvalidArgument when `command` is empty
// or a change is malformed.
Result<shim::ProcessPlan> BuildExecPlan(shim::ProcessPlan init, const std::vector<std::string>& command,
                                        bool tty, const ExecChanges& changes = {});

}  // namespace davit::cri
