// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>
#include <string_view>

#include "base/suggestion.h"
#include "cli/completion.h"
#include "cli/completion_verbs.h"
#include "cli/compose/grammar.h"
#include "cli/container_grammar.h"
#include "cli/files_grammar.h"
#include "cli/image_grammar.h"
#include "cli/list_option.h"
#include "cli/upkeep_grammar.h"
#include "cli/volume_grammar.h"

namespace davit::cli {
namespace {

// Collects the verb while CLI11 parses. Options of each verb bind to a member of its own; the one parsed is
// picked last.
class Grammar {
 public:
  Grammar();

  std::expected<CommandLine, EarlyExit> Parse(int argc, const char* const* argv);

 private:
  CLI::App* AddVerb(const std::string& name, const std::string& help, std::function<Verb()> take) {
    return AddVerbTo(&app_, name, help, std::move(take));
  }
  CLI::App* AddVerbTo(CLI::App* group, const std::string& name, const std::string& help,
                      std::function<Verb()> take);
  ContainerGrammar::AddVerb AdderTo(CLI::App* command);
  // "davit image inspect": a word in front of verbs.
  CLI::App* AddGroup(const std::string& name, const std::string& help);
  void AddCommon(CLI::App* app);
  void AddContainerVerbs();
  void AddImageVerbs();
  void AddSystemGroup();
  void AddRegistryVerbs();
  void AddNetworkGroup();
  void AddVolumeGroup();
  void AddComposeGroup();
  void AddUserNetworks(CLI::App* network);
  static std::string Suggest(const std::string& word, const CLI::App& app);
  void AddBuild();
  EarlyExit Explain(const CLI::ParseError& error) const;
  // The verb that was given, or the group whose verb is missing.
  const CLI::App* Given() const;

  CLI::App app_{"Runs containers by way of davitd.", "davit"};
  std::map<const CLI::App*, std::function<Verb()>> takers_;
  CommandLine line_;
  std::string format_;
  ContainerGrammar containers_;
  VolumeGrammar volumes_;
  FilesGrammar files_;
  ImageGrammar images_;
  UpkeepGrammar upkeep_;
  ContainerPruneOptions container_prune_;
  SystemPruneOptions system_prune_;
  SystemDfOptions df_;
  LoginOptions login_;
  std::string password_;
  LogoutOptions logout_;
  InfoOptions info_;
  VersionOptions version_;
  CompletionOptions completion_;
  NetworkListOptions network_list_;
  NetworkCreateOptions network_create_;
  NetworkRemoveOptions network_remove_;
  NetworkInspectOptions network_inspect_;
  NetworkPruneOptions network_prune_;
  BuildOptions build_;
  compose::Grammar compose_;
};

Grammar::Grammar() {
  if (const char* address = getenv("DAVIT_ADDRESS")) line_.address = address;
  app_.require_subcommand(1);
  app_.set_version_flag("--version", "davit " DAVIT_VERSION);
  AddCommon(&app_);
  AddContainerVerbs();
  AddImageVerbs();
  AddRegistryVerbs();
  AddNetworkGroup();
  AddBuild();
  AddVolumeGroup();
  AddComposeGroup();
  AddSystemGroup();
  CLI::App* completion = AddVerb("completion", "Print a script for a shell that completes command lines",
                                 [this] { return completion_; });
  completion->add_option("SHELL", completion_.shell, "The shell")
      ->required()
      ->type_name("bash|zsh|fish")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""));
  completion->footer("Example: source <(davit completion bash)");
}

CLI::App* Grammar::AddGroup(const std::string& name, const std::string& help) {
  CLI::App* group = app_.add_subcommand(name, help);
  group->require_subcommand(1);
  AddCommon(group);
  return group;
}

CLI::App* Grammar::AddVerbTo(CLI::App* group, const std::string& name, const std::string& help,
                             std::function<Verb()> take) {
  CLI::App* verb = group->add_subcommand(name, help);
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

ContainerGrammar::AddVerb Grammar::AdderTo(CLI::App* command) {
  return [this, command](const std::string& name, const std::string& help, std::function<Verb()> take) {
    return AddVerbTo(command, name, help, std::move(take));
  };
}

void Grammar::AddContainerVerbs() {
  containers_.AddTo(AdderTo(&app_));
  upkeep_.AddTo(AdderTo(&app_));
  upkeep_.AddEventsTo(AdderTo(&app_));
  files_.AddTo(AdderTo(&app_));
  CLI::App* group = AddGroup("container", "The same verbs on containers, and prune");
  containers_.AddTo(AdderTo(group));
  upkeep_.AddTo(AdderTo(group));
  files_.AddTo(AdderTo(group));
  CLI::App* prune =
      AddVerbTo(group, "prune", "Remove stopped containers", [this] { return container_prune_; });
  prune->add_flag("-f,--force", container_prune_.force, "Do not ask");
}

void Grammar::AddImageVerbs() {
  images_.AddTo(AdderTo(&app_));
  files_.AddImportTo(AdderTo(&app_));
  CLI::App* group =
      AddGroup("image", "The same verbs on images, and more: look at them, repair them, remove unused ones");
  images_.AddGroupTo(AdderTo(group));
  files_.AddImportTo(AdderTo(group));
}

void Grammar::AddSystemGroup() {
  CLI::App* system = AddGroup("system", "Look at the node, and remove what is unused");
  CLI::App* df = AddVerbTo(system, "df", "Print disk usage", [this] { return df_; });
  df->add_flag("-v,--verbose", df_.verbose, "Print every image");
  AddFormat(*df, "--format", df_.format, "Print by a template, such as \"{{.Type}} {{.Size}}\"");
  CLI::App* all = AddVerbTo(system, "prune", "Remove stopped containers, unused networks and images",
                            [this] { return system_prune_; });
  all->add_flag("-a,--all", system_prune_.all,
                "Also images that have a tag or were pulled by digest, and what unfinished pulls have left");
  all->add_flag("--volumes", system_prune_.volumes, "Also anonymous volumes that no container mounts");
  all->add_flag("-f,--force", system_prune_.force, "Do not ask");
  for (CLI::App* command : {&app_, system}) {
    CLI::App* info =
        AddVerbTo(command, "info", "Tell about the daemon and this host", [this] { return info_; });
    AddFormat(*info, "-f,--format", info_.format, "Print by a template, such as \"{{.ServerVersion}}\"");
  }
  CLI::App* version =
      AddVerb("version", "Print the versions of davit and of the daemon", [this] { return version_; });
  AddFormat(*version, "-f,--format", version_.format, "Print by a template, such as \"{{.Server.Version}}\"");
}

void Grammar::AddRegistryVerbs() {
  CLI::App* login = AddVerb("login", "Store credentials for a registry", [this] {
    if (!password_.empty()) login_.password = password_;
    return login_;
  });
  login->add_option("-u,--username", login_.username, "User name")->type_name("NAME");
  login->add_option("-p,--password", password_, "Password; others can see it")->type_name("PASSWORD");
  login->add_flag("--password-stdin", login_.password_stdin, "Read the password from standard input");
  login->add_option("SERVER", login_.server, "Registry (default: Docker Hub)");

  CLI::App* logout = AddVerb("logout", "Forget credentials for a registry", [this] { return logout_; });
  logout->add_option("SERVER", logout_.server, "Registry (default: Docker Hub)");
}

// Without a verb: status.
void Grammar::AddNetworkGroup() {
  CLI::App* network = AddGroup("network", "Look at the network of pods, and make networks for containers");
  network->require_subcommand(0, 1);
  takers_[network] = [] { return NetworkStatusOptions(); };
  CLI::App* list = AddVerbTo(network, "ls", "List networks: the node's, and those that people have made",
                             [this] { return network_list_; });
  list->alias("list");
  list->add_flag("-q,--quiet", network_list_.quiet, "Print only the ids of those that people have made");
  list->add_flag("--no-trunc", network_list_.no_trunc, "Do not shorten ids");
  AddFormat(*list, "--format", network_list_.format,
            "Print those that people have made by a template, such as \"{{.ID}} {{.Name}}\"");
  AddList(*list, "-f,--filter", network_list_.filters, "Only some of those that people have made",
          "dangling=BOOL|driver=bridge|id=TEXT|label=KEY[=VALUE]|name=TEXT|scope=local|type=custom");
  AddVerbTo(network, "status", "Print addresses, host ports, rules and what was repaired",
            [] { return NetworkStatusOptions(); });
  AddUserNetworks(network);
}

void Grammar::AddUserNetworks(CLI::App* network) {
  auto add_list = [](CLI::App* verb, const char* names, std::vector<std::string>& list, const char* help,
                     const char* form) {
    verb->add_option(names, list, help)->type_name(form)->allow_extra_args(false);
  };
  CLI::App* create =
      AddVerbTo(network, "create", "Make a network for containers", [this] { return network_create_; });
  add_list(create, "--subnet", network_create_.subnets, "Its addresses (default: a free /24)", "CIDR");
  add_list(create, "--gateway", network_create_.gateways, "The host's address in it (default: the first)",
           "ADDRESS");
  add_list(create, "--label", network_create_.labels, "Attach a label", "KEY[=VALUE]");
  create->add_flag("--internal", network_create_.internal, "Without a way out");
  create->add_option("-d,--driver", network_create_.driver, "Only bridge")->type_name("DRIVER");
  create->add_option("NETWORK", network_create_.name, "Its name")->required();

  constexpr char kNames[] = "Names or ids";
  CLI::App* remove =
      AddVerbTo(network, "rm", "Remove networks that no container uses", [this] { return network_remove_; });
  remove->alias("remove");
  remove->add_option("NETWORK", network_remove_.networks, kNames)->required();

  CLI::App* inspect =
      AddVerbTo(network, "inspect", "Print all about networks as JSON", [this] { return network_inspect_; });
  AddFormat(*inspect, "-f,--format", network_inspect_.format, "Print by a template");
  inspect->add_option("NETWORK", network_inspect_.networks, kNames)->required();

  CLI::App* prune = AddVerbTo(network, "prune", "Remove all networks that no container uses",
                              [this] { return network_prune_; });
  prune->add_flag("-f,--force", network_prune_.force, "Do not ask");

  for (const char* missing : {"connect", "disconnect"}) {
    CLI::App* verb = AddVerbTo(network, missing, "", [] { return NetworkStatusOptions(); });
    verb->group("");
    verb->allow_extras();
    verb->parse_complete_callback([] {
      throw CLI::ValidationError("network",
                                 "a container has one network, which davit create --network chooses; "
                                 "connect and disconnect are not supported yet");
    });
  }
}

void Grammar::AddBuild() {
  CLI::App* build = AddVerb("build", "Check a Dockerfile", [this] { return build_; });
  build->add_flag("--check")->required()->description("Print errors and warnings, and build nothing");
  build->add_option("-f,--file", build_.file, "Dockerfile; - is standard input (default CONTEXT/Dockerfile)")
      ->type_name("FILE");
  build->add_option("--target", build_.target, "Stage (default: the last one)")->type_name("STAGE");
  build->add_option("--build-arg", build_.arguments, "Set an argument of the Dockerfile")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false);
  build->add_option("--build-context", build_.named_contexts, "Name another context")
      ->type_name("NAME=SOURCE")
      ->allow_extra_args(false);
  build->add_option("CONTEXT", build_.context, "Directory with the files")->required();
}

void Grammar::AddVolumeGroup() {
  volumes_.AddTo(AdderTo(AddGroup("volume", "Make, list and remove volumes of local containers")));
}

void Grammar::AddComposeGroup() {
  CLI::App* group = AddGroup("compose", "Run the services of a Compose file");
  compose_.AddTo(*group,
                 [this, group](const std::string& name, const std::string& help, std::function<Verb()> take) {
                   return AddVerbTo(group, name, help, std::move(take));
                 });
}

const CLI::App* Grammar::Given() const {
  const CLI::App* given = &app_;
  while (!given->get_subcommands().empty()) given = given->get_subcommands().front();
  return given;
}

// " Did you mean --name?", or nothing.
std::string Grammar::Suggest(const std::string& word, const CLI::App& app) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(command->get_name());
  std::string nearest = Nearest(word.substr(0, word.find('=')), known);
  return nearest.empty() ? "" : "; did you mean " + nearest + "?";
}

EarlyExit Grammar::Explain(const CLI::ParseError& error) const {
  std::ostringstream out;
  if (app_.exit(error, out, out) == 0) return {0, out.str()};
  std::string problem = error.what();
  const CLI::App* given = Given();
  std::vector<std::string> words = app_.remaining(/*recurse=*/true);
  auto flag = std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
  if (given->get_require_subcommand_min() > 0) {
    // CLI11 misses a subcommand before it wonders at the word in its place.
    if (words.empty()) return {kOwnError, given->help(given == &app_ ? "" : app_.get_name())};
    problem = words.front() + ": no such command or option" + Suggest(words.front(), *given);
  } else if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError) && flag != words.end()) {
    problem = "unknown flag " + *flag + Suggest(*flag, *given);
  }
  return {kOwnError, "davit: " + problem + "\nTry davit --help, or davit COMMAND --help.\n"};
}

std::expected<CommandLine, EarlyExit> Grammar::Parse(int argc, const char* const* argv) {
  if (argc > 1 && std::string_view(argv[1]) == kCompleteWord) {
    std::vector<std::string> words(argv + 2, argv + argc);
    if (words.empty()) words.emplace_back();
    line_.verb = CompleteOptions{CompleteWords(app_, words), words.back()};
    return line_;
  }
  try {
    app_.parse(argc, argv);
    const CLI::App* verb = Given();
    containers_.TakeWords(*verb);
    compose_.TakeWords(*verb);
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
