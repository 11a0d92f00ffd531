// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What `davit run` asks of the daemon, as plain data.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cli {

// Marks pods of `davit run`; its value is the pod's name.
inline constexpr char kRunLabel[] = "io.davit.run";

struct RunOptions {
  std::string image = {};
  std::vector<std::string> command = {};  // replaces the image's arguments, not its entrypoint
  std::string name = {};                  // empty: one is made from the image's
  std::vector<std::string> ports = {};    // as ParsePortSpec takes them
  std::vector<std::string> env = {};      // "K=V", or "K" for the value in the environment of davit itself
  bool remove = false;
  bool detach = false;
  std::string log_root = "/var/log/davit";  // the pod's log directory is made below it
};

struct RunConfig {
  ::runtime::v1::PodSandboxConfig pod;
  ::runtime::v1::ContainerConfig container;
};

// One pod with one container of the same name: own network, IPC and PID namespaces, the default seccomp
// profile, the default capabilities, and the parts of /proc and /sys hidden that a container has no business
// with. `run_id` is unique to this run; see the comment on the pod's uid. kInvalidArgument names the option
// that is wrong.
Result<RunConfig> BuildRunConfig(const RunOptions& options, const std::string& run_id);

}  // namespace davit::cli
