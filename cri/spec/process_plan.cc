// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/process_plan.h"

#include <algorithm>
#include <iterator>

#include "base/keep_last.h"
#include "cri/spec/field.h"
#include "cri/spec/user.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kDefaultPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr char kTerminalType[] = "TERM=xterm";

std::string_view NameOf(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

bool HasName(std::string_view entry) {
  size_t equals = entry.find('=');
  return equals != std::string_view::npos && equals > 0;
}

Result<> CheckArguments(std::string_view field, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) TRY(CheckNoNul(field, argument));
  return {};
}

Result<> Change(shim::ProcessPlan& plan, const ExecChanges& changes) {
  for (const std::string& entry : changes.env) {
    if (!HasName(entry)) return BadField("env", entry, "is not NAME=value");
    TRY(CheckNoNul("env", entry));
  }
  SetVariables(plan.env, changes.env);
  if (!changes.working_dir.empty()) plan.cwd = TRY(CleanAbsolutePath("working_dir", changes.working_dir));
  if (changes.user.empty()) return {};
  shim::UserSpec user = TRY(ParseUser("user", changes.user));
  user.supplementary = std::move(plan.user.supplementary);
  user.merge_image_groups = plan.user.merge_image_groups;
  plan.user = std::move(user);
  return {};
}

}  // namespace

void SetVariables(std::vector<std::string>& env, std::vector<std::string> entries) {
  std::ranges::move(entries, std::back_inserter(env));
  KeepLastOfEachKey(env, Place::kOfTheFirst, NameOf);
}

Result<std::vector<std::string>> MergeArguments(const v1::ContainerConfig& config,
                                                const images::ImageConfig& image) {
  std::vector<std::string> arguments(config.command().begin(), config.command().end());
  bool from_image = arguments.empty();
  // [""] in an image is how an entrypoint is taken away from its base.
  if (from_image && image.entrypoint != std::vector<std::string>{""}) arguments = image.entrypoint;
  if (config.args_size() > 0) {
    arguments.insert(arguments.end(), config.args().begin(), config.args().end());
  } else if (from_image) {
    arguments.insert(arguments.end(), image.cmd.begin(), image.cmd.end());
  }
  if (arguments.empty())
    return BadField("command", "", "is empty, and the image has no entrypoint and no cmd");
  TRY(CheckArguments("command", arguments));
  return arguments;
}

Result<std::vector<std::string>> MergeEnvironment(const v1::ContainerConfig& config,
                                                  const images::ImageConfig& image,
                                                  const std::string& hostname) {
  std::vector<std::string> env = {kDefaultPath, "HOSTNAME=" + hostname};
  if (config.tty()) env.push_back(kTerminalType);
  for (const std::string& entry : image.env) {
    if (!HasName(entry)) continue;
    TRY(CheckNoNul("image.env", entry));
    env.push_back(entry);
  }
  for (const v1::KeyValue& variable : config.envs()) {
    if (variable.key().empty() || variable.key().find('=') != std::string::npos) {
      return BadField("envs.key", variable.key(), "is not a variable's name");
    }
    env.push_back(variable.key() + "=" + variable.value());
    TRY(CheckNoNul("envs", env.back()));
  }
  SetVariables(env, {});
  return env;
}

Result<std::string> ChooseWorkingDirectory(const v1::ContainerConfig& config,
                                           const images::ImageConfig& image) {
  if (!config.working_dir().empty()) return CleanAbsolutePath("working_dir", config.working_dir());
  if (!image.working_dir.empty()) return CleanAbsolutePath("image.working_dir", image.working_dir);
  return "/";
}

Result<shim::ProcessPlan> BuildExecPlan(shim::ProcessPlan init, const std::vector<std::string>& command,
                                        bool tty, const ExecChanges& changes) {
  if (command.empty()) return BadField("cmd", "", "is empty");
  TRY(CheckArguments("cmd", command));
  shim::ProcessPlan plan = std::move(init);
  plan.args = command;
  plan.terminal = tty;
  plan.selinux.relabel.clear();  // done when the container started
  plan.selinux.relabel_within.clear();
  TRY(Change(plan, changes));
  bool has_type =
      std::ranges::any_of(plan.env, [](const std::string& entry) { return NameOf(entry) == "TERM"; });
  if (tty && !has_type) plan.env.push_back(kTerminalType);
  return plan;
}

}  // namespace davit::cri
