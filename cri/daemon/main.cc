// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davitd: flags, configuration, signals.

#include <signal.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "cri/daemon/daemon.h"
#include "cri/daemon/heap.h"
#include "cri/service/version.h"

namespace davit::cri {
namespace {

struct Flags {
  std::string config = kDefaultConfigFile;
  bool config_named = false;
  std::string root;
  std::string state;
  std::string listen;
  std::string log_level;
};

Result<Config> Configure(const Flags& flags) {
  Config config =
      TRY(LoadConfig(flags.config, flags.config_named ? MissingFile::kIsError : MissingFile::kIsEmpty));
  struct Override {
    const char* key;
    const std::string& value;
    const char* flag;
  };
  for (const Override& set :
       {Override{"root", flags.root, "--root"}, Override{"state", flags.state, "--state"},
        Override{"listen", flags.listen, "--listen"},
        Override{"log_level", flags.log_level, "--log-level"}}) {
    if (!set.value.empty()) TRY(OverrideConfig(config, set.key, set.value, set.flag));
  }
  return config;
}

// Blocked in every thread, so that only sigwait in main sees them. SIGPIPE is a write's error, not a death.
// Whoever started this program may have ignored SIGCHLD, with which no child could be waited for (execve(2),
// wait(2)).
sigset_t TakeSignals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
  return ends;
}

Result<> Run(const Config& config, const Logger& log) {
  sigset_t ends = TakeSignals();
  std::string program_dir = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::unique_ptr<Daemon> daemon = TRY(Daemon::Start(config, log, program_dir));
  TRY(daemon->Serve());
  log.Log(LogLevel::kInfo, "serving", {{"listen", config.listen}, {"version", kDavitVersion}});
  sd_notify(/*unset_environment=*/0, "READY=1");

  int signal_number = 0;
  sigwait(&ends, &signal_number);
  log.Log(LogLevel::kInfo, "stopping; pods keep running", {{"signal", std::to_string(signal_number)}});
  sd_notify(/*unset_environment=*/0, "STOPPING=1");
  return {};
}

int Main(int argc, char** argv) {
  CLI::App app("davitd, the Davit container runtime: a CRI server");
  Flags flags;
  auto* config_flag =
      app.add_option("--config", flags.config, "configuration file (TOML)")->capture_default_str();
  app.add_option("--root", flags.root, "directory of images, snapshots and records");
  app.add_option("--state", flags.state, "directory of sockets and exit records, cleared by a reboot");
  app.add_option("--listen", flags.listen, "where to serve the CRI: unix://PATH");
  app.add_option("--log-level", flags.log_level, "debug, info, warning or error");
  app.set_version_flag("--version", std::string("davitd ") + kDavitVersion);
  CLI11_PARSE(app, argc, argv);
  flags.config_named = config_flag->count() > 0;

  Result<Config> config = Configure(flags);
  if (!config) {
    std::cerr << "davitd: " << config.error().ToString() << '\n';
    return 2;
  }
  ConfigureHeap();
  Logger log(STDERR_FILENO, config->log_level);
  Result<> ran = Run(*config, log);
  if (ran) return 0;
  log.Log(LogLevel::kError, "cannot run", {{"error", ran.error().ToString()}});
  return 1;
}

}  // namespace
}  // namespace davit::cri

int main(int argc, char** argv) {
  return davit::cri::Main(argc, argv);
}
