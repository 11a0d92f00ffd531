// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What `davit compose` was asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace davit::cli::compose {

// In front of the verb.
struct ProjectOptions {
  std::vector<std::string> files = {};  // "-": standard input; none: those of the directory
  std::string name = {};
  std::string directory = {};
  std::vector<std::string> env_files = {};  // none: .env of the project's directory
  std::vector<std::string> profiles = {};
};

// In all of them, no services are all services.
struct Up {
  std::vector<std::string> services = {};
  std::vector<std::string> scale = {};  // SERVICE=NUMBER
  bool detach = false;
  bool build = false;
  bool wait = false;  // until all run and are healthy; implies detach
  bool remove_orphans = false;
  bool force_recreate = false;
  bool no_recreate = false;
  bool no_start = false;
  bool no_deps = false;
  bool abort_on_exit = false;
  std::string exit_code_from = {};  // a service; implies abort_on_exit
  bool no_color = false;
  bool no_log_prefix = false;
  std::string pull = {};  // always, missing or never; empty: as the services say
  std::optional<int64_t> grace_seconds = {};
};

struct Down {
  bool volumes = false;
  bool remove_orphans = false;
  std::string images = {};  // local or all; empty: none
  std::optional<int64_t> grace_seconds = {};
};

struct Ps {
  std::vector<std::string> services = {};
  bool all = false;
  bool quiet = false;
  bool names = false;  // only those of services
  std::string format = {};
};

struct Logs {
  std::vector<std::string> services = {};
  bool follow = false;
  bool timestamps = false;
  bool no_color = false;
  bool no_log_prefix = false;
  std::string tail = "all";
  std::string since = {};
};

struct Exec {
  std::string service = {};
  std::vector<std::string> command = {};
  int64_t number = 0;  // 0: the first that runs
  bool detach = false;
  bool no_tty = false;
  std::vector<std::string> env = {};
  std::string user = {};
  std::string working_dir = {};
};

struct Run {
  std::string service = {};
  std::vector<std::string> command = {};
  std::vector<std::string> env = {};
  std::vector<std::string> volumes = {};
  std::string name = {};
  std::string user = {};
  std::string working_dir = {};
  bool has_entrypoint = false;
  std::string entrypoint = {};
  bool detach = false;
  bool no_deps = false;
  bool no_tty = false;
  bool remove = false;
  bool service_ports = false;
};

struct Pull {
  std::vector<std::string> services = {};
  bool quiet = false;
};

struct Push {
  std::vector<std::string> services = {};
};

struct Build {
  std::vector<std::string> services = {};
};

// start, stop, restart, kill and rm.
struct Change {
  enum class What : uint8_t { kStart, kStop, kRestart, kKill, kRemove };
  What what = What::kStart;
  std::vector<std::string> services = {};
  std::optional<int64_t> grace_seconds = {};
  std::string signal = "KILL";
  bool stop = false;     // of kRemove: also those that run
  bool volumes = false;  // of kRemove: also anonymous volumes
};

struct Top {
  std::vector<std::string> services = {};
};

struct PortOf {
  std::string service = {};
  std::string port = {};
  std::string protocol = "tcp";
  int64_t number = 1;
};

struct Images {
  bool quiet = false;
};

struct Config {
  std::string format = "yaml";
  bool services = false;
  bool volumes = false;
  bool networks = false;
  bool images = false;
  bool profiles = false;
  std::optional<std::string> hash = {};  // "*": of all services
  bool quiet = false;                    // only problems
};

struct Ls {
  bool all = false;
  bool quiet = false;
};

using Verb =
    std::variant<Up, Down, Ps, Logs, Exec, Run, Pull, Push, Build, Change, Top, PortOf, Images, Config, Ls>;

struct Options {
  ProjectOptions project = {};
  Verb verb = {};
};

// Whether the verb has a session (terminal/session_run.h).
inline bool HoldsSession(const Options& options) {
  const auto* exec = std::get_if<Exec>(&options.verb);
  const auto* run = std::get_if<Run>(&options.verb);
  return (exec != nullptr && !exec->detach) || (run != nullptr && !run->detach);
}

}  // namespace davit::cli::compose
