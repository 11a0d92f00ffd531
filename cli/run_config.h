// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The request of `davit run` and `davit create` to the daemon, as plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "cli/health.h"
#include "cli/terminal/detach_keys.h"

namespace davit::cli {

enum class PullPolicy : uint8_t { kMissing, kAlways, kNever };

// Texts are as written on the command line.
struct RunOptions {
  std::string image = {};
  std::vector<std::string> command = {};  // replaces the image's arguments, not its entrypoint
  std::string name = {};                  // empty: the daemon makes one from the image's name
  std::vector<std::string> ports = {};    // as ParsePortSpec takes them
  std::vector<std::string> exposed = {};  // as ParseExposedPort takes them
  bool publish_all = false;               // also these and those of the image
  std::vector<std::string> env = {};      // "K=V", or "K" for the value in the environment of davit
  std::vector<std::string> env_files = {};
  std::vector<std::string> volumes = {};       // as AddVolumeFlag takes them
  std::vector<std::string> mounts = {};        // as AddMountFlag takes them
  std::vector<std::string> tmpfs = {};         // as AddTmpfsFlag takes them
  std::vector<std::string> volumes_from = {};  // as AddVolumesFromFlag takes them
  std::vector<std::string> labels = {};
  std::vector<std::string> label_files = {};
  std::vector<std::string> cap_add = {};
  std::vector<std::string> cap_drop = {};
  std::string working_dir = {};
  std::string user = {};
  std::string hostname = {};
  bool has_entrypoint = false;
  std::string entrypoint = {};  // empty: none, not even the image's
  std::string memory = {};
  std::string cpus = {};
  int64_t pids_limit = 0;
  int64_t cpu_shares = 0;
  std::string network = "bridge";
  std::vector<std::string> network_aliases = {};
  std::string ip = {};
  std::string ip6 = {};
  std::string restart = "no";
  std::string pull = "missing";
  std::string memory_swap = {};
  std::string cpuset_cpus = {};
  std::string shm_size = {};
  std::vector<std::string> ulimits = {};  // NAME=SOFT[:HARD]
  std::vector<std::string> groups = {};
  std::vector<std::string> dns = {};
  std::vector<std::string> dns_searches = {};
  std::vector<std::string> dns_options = {};
  std::vector<std::string> sysctls = {};
  std::vector<std::string> devices = {};   // as AddDevice takes them
  std::vector<std::string> security = {};  // as AddSecurityOption takes them
  std::string pid = {};                    // as ParseNamespace takes it
  std::string ipc = {};
  std::string stop_signal = {};
  std::optional<int64_t> stop_timeout = {};  // seconds
  std::string id_file = {};                  // to write the id to
  HealthOptions health = {};
  std::vector<std::string> log_opts = {};  // "max-size=10m", "max-file=3"
  bool quiet = false;                      // no progress of a pull
  bool privileged = false;
  bool read_only = false;
  bool remove = false;
  bool detach = false;
  bool interactive = false;  // the container has an input
  bool tty = false;          // its program has a terminal
  bool sig_proxy = true;
  std::string detach_keys = kDefaultDetachKeys;
};

// Whether `davit run` is attached to the container until its end.
inline bool HoldsSession(const RunOptions& options) {
  return !options.detach;
}

// kInvalidArgument names the option that is wrong and shows its grammar. Reads the files of --env-file and
// --label-file. Host ports that are still to be chosen (port_choice.h) are not in it.
Result<::davit::v1::CreateContainerRequest> BuildCreateRequest(const RunOptions& options);

// "no", "on-failure:3"... kInvalidArgument shows the grammar.
Result<::davit::v1::RestartPolicy> ParseRestart(const std::string& text);

Result<PullPolicy> ParsePullPolicy(const std::string& text);

}  // namespace davit::cli
