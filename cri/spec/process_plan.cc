// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/process_plan.h"

#include <algorithm>

#include "cri/spec/field.h"

namespace davit {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kDefaultPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr char kTerminalType[] = "TERM=xterm";

std::string_view NameOf(std::string_view entry) {
  return entry.substr(0, entry.find('='));
}

Result<> CheckArguments(std::string_view field, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) TRY(CheckNoNul(field, argument));
  return {};
}

}  // namespace

void SetVariable(std::vector<std::string>& env, std::string entry) {
  auto same = std::ranges::find(env, NameOf(entry), [](const std::string& other) { return NameOf(other); });
  if (same != env.end()) {
    *same = std::move(entry);
  } else {
    env.push_back(std::move(entry));
  }
}

Result<std::vector<std::string>> MergeArguments(const v1::ContainerConfig& config, const ImageConfig& image) {
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

Result<std::vector<std::string>> MergeEnvironment(const v1::ContainerConfig& config, const ImageConfig& image,
                                                  const std::string& hostname) {
  std::vector<std::string> env = {kDefaultPath, "HOSTNAME=" + hostname};
  if (config.tty()) env.push_back(kTerminalType);
  for (const std::string& entry : image.env) {
    if (entry.find('=') == std::string::npos || entry[0] == '=') {
      return BadField("image.env", entry, "is not of the form NAME=value");
    }
    TRY(CheckNoNul("image.env", entry));
    SetVariable(env, entry);
  }
  for (const v1::KeyValue& variable : config.envs()) {
    if (variable.key().empty() || variable.key().find('=') != std::string::npos) {
      return BadField("envs.key", variable.key(), "is not a variable's name");
    }
    std::string entry = variable.key() + "=" + variable.value();
    TRY(CheckNoNul("envs", entry));
    SetVariable(env, std::move(entry));
  }
  return env;
}

Result<std::string> ChooseWorkingDirectory(const v1::ContainerConfig& config, const ImageConfig& image) {
  if (!config.working_dir().empty()) return CleanAbsolutePath("working_dir", config.working_dir());
  if (!image.working_dir.empty()) return CleanAbsolutePath("image.working_dir", image.working_dir);
  return "/";
}

Result<ProcessPlan> BuildExecPlan(const ContainerPlan& container, const std::vector<std::string>& command,
                                  bool tty) {
  if (command.empty()) return BadField("cmd", "", "is empty");
  TRY(CheckArguments("cmd", command));
  ProcessPlan plan = container.process;
  plan.args = command;
  plan.terminal = tty;
  plan.selinux.value.relabel.clear();  // done when the container started
  plan.selinux.value.relabel_within.clear();
  bool has_type =
      std::ranges::any_of(plan.env, [](const std::string& entry) { return NameOf(entry) == "TERM"; });
  if (tty && !has_type) plan.env.push_back(kTerminalType);
  return plan;
}

}  // namespace davit
