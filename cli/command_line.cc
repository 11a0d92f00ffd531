// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

namespace davit::cli {
namespace {

// Collects the verb while CLI11 parses. Options of each verb bind to a member of its own; the one parsed is
// picked last.
class Grammar {
 public:
  Grammar();

  std::expected<CommandLine, EarlyExit> Parse(int argc, const char* const* argv);

 private:
  CLI::App* AddVerb(const std::string& name, const std::string& help, std::function<Verb()> take);
  void AddCommon(CLI::App* app);
  void AddRun();
  void AddContainerVerbs();
  void AddImageVerbs();
  void TakeWords(const CLI::App* verb);
  EarlyExit Explain(const CLI::ParseError& error) const;
  // The first word after the options and what follows it, untouched: "IMAGE CMD -x".
  static std::vector<std::string> Words(const CLI::App* app, const std::string& first);

  CLI::App app_{"Runs containers by way of davitd.", "davit"};
  std::map<const CLI::App*, std::function<Verb()>> takers_;
  CommandLine line_;
  std::string format_;
  RunOptions run_;
  PsOptions ps_;
  LogsOptions logs_;
  ExecOptions exec_;
  StopOptions stop_;
  RmOptions rm_;
  PullOptions pull_;
  RmiOptions rmi_;
};

Grammar::Grammar() {
  if (const char* address = getenv("DAVIT_ADDRESS")) line_.address = address;
  if (const char* log_root = getenv("DAVIT_LOG_DIR")) run_.log_root = log_root;
  app_.require_subcommand(1);
  app_.set_version_flag("--version", "davit " DAVIT_VERSION);
  AddCommon(&app_);
  AddRun();
  AddContainerVerbs();
  AddImageVerbs();
}

CLI::App* Grammar::AddVerb(const std::string& name, const std::string& help, std::function<Verb()> take) {
  CLI::App* verb = app_.add_subcommand(name, help);
  AddCommon(verb);
  takers_[verb] = std::move(take);
  return verb;
}

// Taken before and after the verb.
void Grammar::AddCommon(CLI::App* app) {
  app->add_option("--address", line_.address, "The daemon's socket (default " + line_.address + ")")
      ->type_name("unix://PATH");
  app->add_option("--output", format_, "How to print (default table)")
      ->type_name("table|json")
      ->check(CLI::IsMember({"table", "json"}).description(""));
}

void Grammar::AddRun() {
  CLI::App* run = AddVerb("run", "Run an image in a pod of its own", [this] { return run_; });
  run->add_option("--name", run_.name, "Name of the pod and its container");
  run->add_flag("--rm", run_.remove, "Remove the pod when the container has ended");
  run->add_flag("-d,--detach", run_.detach, "Print the container's id and leave");
  // Without allow_extra_args(false), "-p 80:80 IMAGE" would take the image as a second port.
  run->add_option("-p,--publish", run_.ports, "Lead a port of the host into the pod")
      ->type_name("[ADDRESS:]HOST:POD[/udp]")
      ->allow_extra_args(false);
  run->add_option("-e,--env", run_.env, "Set a variable of the environment")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  run->footer("After the options: IMAGE [ARGUMENT...]. The arguments replace the image's own.");
  run->prefix_command();
}

void Grammar::AddContainerVerbs() {
  CLI::App* ps = AddVerb("ps", "List containers", [this] { return ps_; });
  ps->add_flag("-a,--all", ps_.all, "Also those that do not run, and pods without containers");

  CLI::App* logs = AddVerb("logs", "Print what a container has written", [this] { return logs_; });
  logs->add_flag("-f,--follow", logs_.follow, "Go on until the container ends");
  logs->add_option("ID", logs_.id, "Container: id, its beginning, or name")->required();

  CLI::App* exec =
      AddVerb("exec", "Run a command in a container and print its output", [this] { return exec_; });
  exec->footer(
      "After the options: ID COMMAND [ARGUMENT...]. The command is looked up inside; there is no shell.");
  exec->prefix_command();

  CLI::App* stop = AddVerb("stop", "Stop containers", [this] { return stop_; });
  stop->add_option("-t,--time", stop_.grace_seconds, "Seconds until SIGKILL (default 10)")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 1'000'000).description(""));
  stop->add_option("ID", stop_.ids, "Containers: ids, their beginnings, or names")->required();

  CLI::App* rm = AddVerb("rm", "Remove pods with their containers", [this] { return rm_; });
  rm->add_flag("-f,--force", rm_.force, "Also running ones");
  rm->add_option("ID", rm_.ids, "Containers or pods: ids, their beginnings, or names")->required();
}

void Grammar::AddImageVerbs() {
  CLI::App* pull = AddVerb("pull", "Fetch an image", [this] { return pull_; });
  pull->add_option("IMAGE", pull_.image, "Name with tag or digest")->required();

  AddVerb("images", "List images", [] { return ImagesOptions(); });

  CLI::App* rmi = AddVerb("rmi", "Remove images", [this] { return rmi_; });
  rmi->add_option("IMAGE", rmi_.images, "Names, ids, or beginnings of ids")->required();

  AddVerb("info", "Tell about the daemon", [] { return InfoOptions(); });
}

std::vector<std::string> Grammar::Words(const CLI::App* app, const std::string& first) {
  std::vector<std::string> words = app->remaining();
  if (words.empty()) throw CLI::RequiredError(first);
  if (words.front().starts_with('-')) throw CLI::ExtrasError({words.front()});
  return words;
}

// What CLI11 left to prefix_command().
void Grammar::TakeWords(const CLI::App* verb) {
  if (verb->get_name() == "run") {
    std::vector<std::string> words = Words(verb, "IMAGE");
    run_.image = words.front();
    run_.command.assign(words.begin() + 1, words.end());
  } else if (verb->get_name() == "exec") {
    std::vector<std::string> words = Words(verb, "ID");
    if (words.size() < 2) throw CLI::RequiredError("COMMAND");
    exec_.id = words.front();
    exec_.command.assign(words.begin() + 1, words.end());
  }
}

EarlyExit Grammar::Explain(const CLI::ParseError& error) const {
  std::ostringstream out;
  if (app_.exit(error, out, out) == 0) return {0, out.str()};
  std::string problem = error.what();
  if (app_.get_subcommands().empty()) {
    // CLI11 misses a subcommand before it wonders at the word in its place.
    std::vector<std::string> words = app_.remaining();
    if (words.empty()) return {kOwnError, app_.help()};
    problem = words.front() + ": no such command or option";
  }
  return {kOwnError, "davit: " + problem + "\nTry davit --help, or davit COMMAND --help.\n"};
}

std::expected<CommandLine, EarlyExit> Grammar::Parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
    const CLI::App* verb = app_.get_subcommands().front();
    TakeWords(verb);
    if (format_ == "json") line_.format = OutputFormat::kJson;
    line_.verb = takers_.at(verb)();
    return line_;
  } catch (const CLI::ParseError& error) {
    return std::unexpected(Explain(error));
  }
}

}  // namespace

std::expected<CommandLine, EarlyExit> ParseCommandLine(int argc, const char* const* argv) {
  return Grammar().Parse(argc, argv);
}

}  // namespace davit::cli
