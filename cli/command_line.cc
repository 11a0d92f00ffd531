// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

#include "base/suggestion.h"
#include "cli/compose/grammar.h"
#include "cli/container_grammar.h"
#include "cli/files_grammar.h"
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
  // "davit image inspect": a word in front of verbs.
  CLI::App* AddGroup(const std::string& name, const std::string& help);
  void AddCommon(CLI::App* app);
  void AddContainerVerbs();
  void AddImageVerbs();
  void AddCarryVerbs();
  void AddImageGroup();
  void AddImageHealth(CLI::App* image);
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
  UpkeepGrammar upkeep_;
  PullOptions pull_;
  PushOptions push_;
  SaveOptions save_;
  LoadOptions load_;
  ImagesOptions images_;
  RmiOptions rmi_;
  TagOptions tag_;
  UntagOptions untag_;
  ImageInspectOptions inspect_;
  ImageHistoryOptions history_;
  ImagePruneOptions prune_;
  ContainerPruneOptions container_prune_;
  SystemPruneOptions system_prune_;
  ImageVerifyOptions verify_;
  ImageRepairOptions repair_;
  SystemDfOptions df_;
  LoginOptions login_;
  std::string password_;
  LogoutOptions logout_;
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
  AddCarryVerbs();
  AddImageGroup();
  AddRegistryVerbs();
  AddNetworkGroup();
  AddBuild();
  AddVolumeGroup();
  AddComposeGroup();
  AddVerb("info", "Tell about the daemon", [] { return InfoOptions(); });
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

void Grammar::AddContainerVerbs() {
  auto add_to = [this](CLI::App* command) {
    containers_.AddTo(
        [this, command](const std::string& name, const std::string& help, std::function<Verb()> take) {
          return AddVerbTo(command, name, help, std::move(take));
        });
    upkeep_.AddTo(
        [this, command](const std::string& name, const std::string& help, std::function<Verb()> take) {
          return AddVerbTo(command, name, help, std::move(take));
        });
    files_.AddTo(
        [this, command](const std::string& name, const std::string& help, std::function<Verb()> take) {
          return AddVerbTo(command, name, help, std::move(take));
        });
  };
  add_to(&app_);
  upkeep_.AddEventsTo([this](const std::string& name, const std::string& help, std::function<Verb()> take) {
    return AddVerbTo(&app_, name, help, std::move(take));
  });
  CLI::App* group = AddGroup("container", "The same verbs on containers, and prune");
  add_to(group);
  CLI::App* prune =
      AddVerbTo(group, "prune", "Remove stopped containers", [this] { return container_prune_; });
  prune->add_flag("-f,--force", container_prune_.force, "Do not ask");
}

void Grammar::AddImageVerbs() {
  CLI::App* pull = AddVerb("pull", "Fetch an image", [this] { return pull_; });
  pull->add_flag("-q,--quiet", pull_.quiet, "Print only the image's name");
  pull->add_option("IMAGE", pull_.image, "Name with tag or digest")->required();

  CLI::App* images = AddVerb("images", "List images", [this] { return images_; });
  images->add_flag("-q,--quiet", images_.quiet, "Print only ids");
  images->add_flag("--digests", images_.digests, "Also print digests");
  images->add_flag("--no-trunc", images_.no_trunc, "Do not shorten ids");
  images->add_flag("--tree", images_.tree, "Print the layers as a tree, with the images made of them");

  CLI::App* rmi = AddVerb("rmi", "Remove images", [this] { return rmi_; });
  rmi->add_option("IMAGE", rmi_.images, "Names, ids, or beginnings of ids")->required();

  CLI::App* tag = AddVerb("tag", "Give an image another name", [this] { return tag_; });
  tag->add_option("SOURCE_IMAGE", tag_.image, "Name, id, or beginning of an id")->required();
  tag->add_option("TARGET_IMAGE", tag_.tag, "NAME[:TAG]")->required();

  CLI::App* untag = AddVerb("untag", "Take names from images, which stay", [this] { return untag_; });
  untag->add_option("NAME", untag_.tags, "NAME[:TAG]")->required();
}

void Grammar::AddCarryVerbs() {
  CLI::App* push = AddVerb("push", "Send an image to the registry in its name", [this] { return push_; });
  push->add_flag("-q,--quiet", push_.quiet, "Print only the image's name");
  push->add_option("NAME", push_.image, "NAME[:TAG]")->required();

  CLI::App* save = AddVerb("save", "Write images as a tar archive", [this] { return save_; });
  save->add_option("-o", save_.file, "Write to a file, instead of standard output")->type_name("FILE");
  save->add_option("IMAGE", save_.images, "Names, which the images get in the archive, or ids")->required();
  save->footer("The archive is an OCI image layout that docker, podman, skopeo and ctr read, too.");

  CLI::App* load = AddVerb("load", "Load the images of a tar archive", [this] { return load_; });
  load->add_option("-i,--input", load_.file, "Read from a file, instead of standard input")
      ->type_name("FILE");
  load->add_flag("-q,--quiet", load_.quiet, "Print no progress");
  load->footer(
      "The archive is one of docker save or an OCI image layout, also compressed with gzip or zstd.");
}

void Grammar::AddImageGroup() {
  CLI::App* image = AddGroup("image", "Look at images, repair them, remove unused ones");
  CLI::App* inspect =
      AddVerbTo(image, "inspect", "Print all about images as JSON", [this] { return inspect_; });
  inspect->add_option("IMAGE", inspect_.images, "Names, ids, or beginnings of ids")->required();

  CLI::App* history = AddVerbTo(image, "history", "Print how an image was made", [this] { return history_; });
  history->add_flag("--no-trunc", history_.no_trunc, "Do not shorten commands and ids");
  history->add_option("IMAGE", history_.image, "Name, id, or beginning of an id")->required();

  CLI::App* prune = AddVerbTo(image, "prune", "Remove unused images", [this] { return prune_; });
  prune->add_flag(
      "-a,--all", prune_.all,
      "Also images that have a tag or were pulled by digest, and what unfinished pulls have left");
  prune->add_flag("--dry-run", prune_.dry_run, "Print what would be removed");
  prune->add_flag("-f,--force", prune_.force, "Do not ask");
  AddImageHealth(image);
  auto add_import = [this](CLI::App* command) {
    files_.AddImportTo(
        [this, command](const std::string& name, const std::string& help, std::function<Verb()> take) {
          return AddVerbTo(command, name, help, std::move(take));
        });
  };
  add_import(&app_);
  add_import(image);

  CLI::App* system = AddGroup("system", "Look at the node, and remove what is unused");
  CLI::App* df = AddVerbTo(system, "df", "Print disk usage", [this] { return df_; });
  df->add_flag("-v,--verbose", df_.verbose, "Print every image");
  CLI::App* all = AddVerbTo(system, "prune", "Remove stopped containers, unused networks and images",
                            [this] { return system_prune_; });
  all->add_flag("-a,--all", system_prune_.all,
                "Also images that have a tag or were pulled by digest, and what unfinished pulls have left");
  all->add_flag("--volumes", system_prune_.volumes, "Also anonymous volumes that no container mounts");
  all->add_flag("-f,--force", system_prune_.force, "Do not ask");
}

void Grammar::AddImageHealth(CLI::App* image) {
  constexpr char kImages[] = "Names, ids, or beginnings of ids (default: all images)";
  CLI::App* verify =
      AddVerbTo(image, "verify", "Compare images with what was recorded of them", [this] { return verify_; });
  verify->add_flag("--quick", verify_.quick, "Do not read what is in files");
  verify->add_option("IMAGE", verify_.images, kImages);

  CLI::App* repair = AddVerbTo(image, "repair", "Verify images, and fetch again what is damaged",
                               [this] { return repair_; });
  repair->add_option("IMAGE", repair_.images, kImages);
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
  list->add_option("--format", network_list_.format,
                   "Print those that people have made by a template, such as \"{{.ID}} {{.Name}}\"")
      ->type_name("TEMPLATE");
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
  inspect->add_option("-f,--format", network_inspect_.format, "Print by a template")->type_name("TEMPLATE");
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
  CLI::App* volume = AddGroup("volume", "Make, list and remove volumes of local containers");
  volumes_.AddTo(
      [this, volume](const std::string& name, const std::string& help, std::function<Verb()> take) {
        return AddVerbTo(volume, name, help, std::move(take));
      });
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
