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

namespace davit {

// `command` replaces the image's entrypoint and with it the image's cmd; `args` replaces the cmd alone.
// kInvalidArgument when nothing is left to run.
Result<std::vector<std::string>> MergeArguments(const ::runtime::v1::ContainerConfig& config,
                                                const ImageConfig& image);

// PATH and HOSTNAME (and TERM with a terminal) by default, then the image's, then the request's; the later of
// two wins and stands where the earlier stood. An entry without '=' or a name is left out when it is the
// image's, as in other runtimes, and kInvalidArgument when it is the request's.
Result<std::vector<std::string>> MergeEnvironment(const ::runtime::v1::ContainerConfig& config,
                                                  const ImageConfig& image, const std::string& hostname);

// Puts each "NAME=value" in the place of an entry with the same name, else at the end. One call for all of
// them: it sorts the names once.
void SetVariables(std::vector<std::string>& env, std::vector<std::string> entries);

Result<std::string> ChooseWorkingDirectory(const ::runtime::v1::ContainerConfig& config,
                                           const ImageConfig& image);

// A process in a running container: its init's user, environment, rights and working directory, with another
// command. kInvalidArgument when `command` is empty.
Result<ProcessPlan> BuildExecPlan(const ContainerPlan& container, const std::vector<std::string>& command,
                                  bool tty);

}  // namespace davit
