// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/grammar.h"

#include "cli/list_option.h"

namespace davit::cli::compose {
namespace {

constexpr char kServices[] = "Services (default: all)";

void AddText(CLI::App& verb, const std::string& names, std::string& text, const std::string& help,
             const std::string& form) {
  verb.add_option(names, text, help)->type_name(form);
}

void AddGrace(CLI::App& verb, std::optional<int64_t>& seconds) {
  verb.add_option("-t,--timeout", seconds, "Seconds until SIGKILL (default: the service's)")
      ->type_name("SECONDS")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30).description(""));
}

// The service after the options and what follows it, untouched.
std::vector<std::string> Words(const CLI::App& verb) {
  std::vector<std::string> words = verb.remaining();
  if (words.empty()) throw CLI::RequiredError("SERVICE");
  if (words.front().starts_with('-')) throw CLI::ExtrasError({words.front()});
  return words;
}

}  // namespace

template <typename Verb>
CLI::App& Grammar::Add(const ContainerGrammar::AddVerb& add, const std::string& name, const std::string& help,
                       const Verb& verb) {
  return *add(name, help, [this, &verb] { return Options{project_, verb}; });
}

void Grammar::AddTo(CLI::App& group, const ContainerGrammar::AddVerb& add) {
  AddList(group, "-f,--file", project_.files, "Compose file, several over each other; - is standard input",
          "FILE");
  AddText(group, "-p,--project-name", project_.name, "Name of the project (default: the directory's)",
          "NAME");
  AddText(group, "--project-directory", project_.directory,
          "What relative paths are relative to (default: the directory of the first file)", "DIRECTORY");
  AddList(group, "--env-file", project_.env_files, "Variables for the files (default: .env)", "FILE");
  AddList(group, "--profile", project_.profiles, "Services of a profile, too; * is all", "NAME");
  group.footer("Without -f: compose.yaml or docker-compose.yml of the directory or the nearest parent.");
  AddUp(add);
  AddCommands(add);
  AddChange(add, "start", "Start the containers of services", start_, Change::What::kStart);
  AddGrace(AddChange(add, "stop", "Stop the containers of services", stop_, Change::What::kStop),
           stop_.grace_seconds);
  AddGrace(AddChange(add, "restart", "Restart the containers of services", restart_, Change::What::kRestart),
           restart_.grace_seconds);
  CLI::App& kill = AddChange(add, "kill", "Send a signal to services", kill_, Change::What::kKill);
  AddText(kill, "-s,--signal", kill_.signal, "Signal (default KILL)", "NAME|NUMBER");
  CLI::App& rm =
      AddChange(add, "rm", "Remove stopped containers of services", remove_, Change::What::kRemove);
  rm.add_flag("-s,--stop", remove_.stop, "Stop them first");
  rm.add_flag("-v,--volumes", remove_.volumes, "Also anonymous volumes");
  rm.add_flag("-f,--force")->description("Has no effect: there is no question");
  AddLooks(add);
  AddImages(add);
  AddConfig(add);
}

void Grammar::AddUp(const ContainerGrammar::AddVerb& add) {
  CLI::App& up = Add(add, "up", "Make the project what its files say, and show its output", up_);
  up.add_flag("-d,--detach", up_.detach, "Leave when all services have been started");
  up.add_flag("--wait", up_.wait, "The same, when they run and are healthy");
  up.add_flag("--build", up_.build, "Build images first, also those that there are");
  AddText(up, "--pull", up_.pull, "When to pull images (default: as the services say)",
          "always|missing|never");
  AddList(up, "--scale", up_.scale, "Number of containers of a service", "SERVICE=NUMBER");
  up.add_flag("--remove-orphans", up_.remove_orphans,
              "Remove containers of services that are not there any more");
  up.add_flag("--force-recreate", up_.force_recreate, "Replace containers that have not changed, too");
  up.add_flag("--no-recreate", up_.no_recreate, "Keep containers that have changed");
  up.add_flag("--no-start", up_.no_start, "Make containers only");
  up.add_flag("--no-deps", up_.no_deps, "Leave alone what the services depend on");
  up.add_flag("--abort-on-container-exit", up_.abort_on_exit, "Stop all when one container has ended");
  AddText(up, "--exit-code-from", up_.exit_code_from, "The same; the exit status is that of the service",
          "SERVICE");
  up.add_flag("--no-color", up_.no_color, "No colors in the output");
  up.add_flag("--no-log-prefix", up_.no_log_prefix, "No names in front of lines");
  AddGrace(up, up_.grace_seconds);
  up.add_option("SERVICE", up_.services, "Services, with what they depend on (default: all)");
  up.footer("Ctrl-C once stops the services, twice kills them, and a third time leaves them.");

  create_.no_start = true;
  CLI::App& create = Add(add, "create", "Make the containers of services", create_);
  create.add_flag("--build", create_.build, "Build images first");
  create.add_flag("--force-recreate", create_.force_recreate,
                  "Replace containers that have not changed, too");
  create.add_flag("--no-recreate", create_.no_recreate, "Keep containers that have changed");
  create.add_flag("--remove-orphans", create_.remove_orphans, "As in up");
  create.add_option("SERVICE", create_.services, kServices);

  CLI::App& down = Add(add, "down", "Remove containers and networks of the project", down_);
  down.add_flag("-v,--volumes", down_.volumes, "Also its volumes");
  down.add_flag("--remove-orphans", down_.remove_orphans,
                "Also containers of services that are not there any more");
  down.add_option("--rmi", down_.images, "Also images: those without a name in the files, or all")
      ->type_name("local|all")
      ->check(CLI::IsMember({"local", "all"}).description(""));
  AddGrace(down, down_.grace_seconds);
}

void Grammar::AddLooks(const ContainerGrammar::AddVerb& add) {
  CLI::App& ps = Add(add, "ps", "List the containers of the project", ps_);
  ps.add_flag("-a,--all", ps_.all, "Also those that do not run");
  ps.add_flag("-q,--quiet", ps_.quiet, "Only ids");
  ps.add_flag("--services", ps_.names, "Only names of services");
  AddText(ps, "--format", ps_.format, "table, json or a template", "FORMAT");
  ps.add_option("SERVICE", ps_.services, kServices);

  CLI::App& logs = Add(add, "logs", "Print what services have written", logs_);
  logs.add_flag("-f,--follow", logs_.follow, "Go on until all have ended");
  logs.add_flag("-t,--timestamps", logs_.timestamps, "Print times");
  logs.add_flag("--no-color", logs_.no_color, "No colors");
  logs.add_flag("--no-log-prefix", logs_.no_log_prefix, "No names in front of lines");
  AddText(logs, "-n,--tail", logs_.tail, "Only the last lines of each container", "NUMBER|all");
  AddText(logs, "--since", logs_.since, "Only lines since then", "TIME|DURATION");
  logs.add_option("SERVICE", logs_.services, kServices);

  Add(add, "top", "List processes", top_).add_option("SERVICE", top_.services, kServices);
  CLI::App& port = Add(add, "port", "Print the host's port of a service's", port_);
  AddText(port, "--protocol", port_.protocol, "tcp, udp or sctp (default tcp)", "PROTOCOL");
  port.add_option("--index", port_.number, "Number of the container (default 1)")->type_name("NUMBER");
  port.add_option("SERVICE", port_.service, "Service")->required();
  port.add_option("PORT", port_.port, "Port in the container")->required();

  CLI::App& ls = Add(add, "ls", "List projects", ls_);
  ls.add_flag("-a,--all", ls_.all, "Also those of which nothing runs");
  ls.add_flag("-q,--quiet", ls_.quiet, "Only names");
}

void Grammar::AddCommands(const ContainerGrammar::AddVerb& add) {
  CLI::App& exec = Add(add, "exec", "Run a command in a container of a service", exec_);
  with_exec_ = &exec;
  exec.prefix_command();
  exec.add_flag("-d,--detach", exec_.detach, "Leave when it has started");
  exec.add_flag("-T,--no-tty,--no-TTY", exec_.no_tty, "No terminal");
  exec.add_option("--index", exec_.number, "Number of the container (default: the first that runs)")
      ->type_name("NUMBER");
  AddList(exec, "-e,--env", exec_.env, "Set a variable of its environment", "NAME[=VALUE]");
  AddText(exec, "-u,--user", exec_.user, "User (default: the container's)", "NAME|UID[:NAME|GID]");
  AddText(exec, "-w,--workdir", exec_.working_dir, "Working directory", "PATH");
  exec.footer("After the options: SERVICE COMMAND [ARGUMENT...]");

  CLI::App& run = Add(add, "run", "Run a command in a container of its own, like those of a service", run_);
  with_run_ = &run;
  run.prefix_command();
  run.add_flag("--rm", run_.remove, "Remove the container when it has ended");
  run.add_flag("-d,--detach", run_.detach, "Leave when it has started");
  run.add_flag("-T,--no-tty,--no-TTY", run_.no_tty, "No terminal");
  run.add_flag("--no-deps", run_.no_deps, "Do not start what the service depends on");
  run.add_flag("-P,--service-ports", run_.service_ports,
               "Publish the ports of the service, and use its names");
  AddText(run, "--name", run_.name, "Name of the container", "NAME");
  AddText(run, "--entrypoint", run_.entrypoint, "Program, instead of the service's", "PROGRAM");
  AddList(run, "-e,--env", run_.env, "Set a variable of the environment", "NAME[=VALUE]");
  AddList(run, "-v,--volume", run_.volumes, "Show a path of the host or a volume in the container",
          "[HOST_PATH|VOLUME:]CONTAINER_PATH[:ro]");
  AddText(run, "-u,--user", run_.user, "User in the container", "NAME|UID[:GID]");
  AddText(run, "-w,--workdir", run_.working_dir, "Working directory", "PATH");
  run.footer("After the options: SERVICE [COMMAND...], which replaces the service's command.");
}

void Grammar::AddImages(const ContainerGrammar::AddVerb& add) {
  CLI::App& pull = Add(add, "pull", "Pull the images of services", pull_);
  pull.add_flag("-q,--quiet", pull_.quiet, "Print only errors");
  pull.add_option("SERVICE", pull_.services, kServices);
  Add(add, "push", "Push the images of services that are built here", push_)
      .add_option("SERVICE", push_.services, kServices);
  Add(add, "build", "Build the images of services", build_).add_option("SERVICE", build_.services, kServices);
  Add(add, "images", "List the images of the project's containers", images_)
      .add_flag("-q,--quiet", images_.quiet, "Only ids");
}

CLI::App& Grammar::AddChange(const ContainerGrammar::AddVerb& add, const std::string& name,
                             const std::string& help, Change& change, Change::What what) {
  change.what = what;
  CLI::App& verb = Add(add, name, help, change);
  verb.add_option("SERVICE", change.services, kServices);
  return verb;
}

void Grammar::AddConfig(const ContainerGrammar::AddVerb& add) {
  CLI::App& config = *add("config", "Print the project as Davit reads it; needs no daemon", [this] {
    if (!hash_.empty()) config_.hash = hash_;
    return Options{project_, config_};
  });
  AddText(config, "--format", config_.format, "yaml or json (default yaml)", "FORMAT");
  config.add_flag("-q,--quiet", config_.quiet, "Only print what is wrong");
  config.add_flag("--services", config_.services, "Names of services");
  config.add_flag("--volumes", config_.volumes, "Names of volumes");
  config.add_flag("--networks", config_.networks, "Names of networks");
  config.add_flag("--images", config_.images, "Names of images");
  config.add_flag("--profiles", config_.profiles, "Names of profiles");
  AddText(config, "--hash", hash_, "Digests by which changes of services are noticed; * is all",
          "SERVICE[,SERVICE...]|*");
}

void Grammar::TakeWords(const CLI::App& verb) {
  if (&verb != with_exec_ && &verb != with_run_) return;
  std::vector<std::string> words = Words(verb);
  std::vector<std::string> command(words.begin() + 1, words.end());
  if (&verb == with_exec_) {
    if (command.empty()) throw CLI::RequiredError("COMMAND");
    exec_.service = words.front();
    exec_.command = std::move(command);
  } else {
    run_.service = words.front();
    run_.command = std::move(command);
    run_.has_entrypoint = verb.get_option("--entrypoint")->count() > 0;
  }
}

}  // namespace davit::cli::compose
