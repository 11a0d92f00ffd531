// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The requests of `davit run` to the daemon, as plain data.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cli {

// The label of pods and containers of `davit run`; its value is the pod's name.
inline constexpr char kRunLabel[] = "io.davit.run";

struct RunOptions {
  std::string image = {};
  std::vector<std::string> command = {};  // replaces the image's arguments, not its entrypoint
  std::string name = {};                  // empty: derived from the image's name
  std::vector<std::string> ports = {};    // as ParsePortSpec takes them
  std::vector<std::string> env = {};      // "K=V", or "K" for the value in the environment of davit
  bool remove = false;
  bool detach = false;
  std::string log_root = "/var/log/davit";  // absolute; the pod's log directory is created below it
};

struct RunConfig {
  ::runtime::v1::PodSandboxConfig pod;
  ::runtime::v1::ContainerConfig container;
};

// One pod with one container of the same name: own network, IPC and PID namespaces, the default seccomp
// profile, the default capabilities, and sensitive parts of /proc and /sys hidden or read-only. `run_id` must
// be unique to this run (the comment on the pod's uid in run_config.cc says why). kInvalidArgument names the
// option that is wrong.
Result<RunConfig> BuildRunConfig(const RunOptions& options, const std::string& run_id);

}  // namespace davit::cli
