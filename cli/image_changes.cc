// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/image_changes.h"

#include <utility>

#include "cli/build/dockerfile/dockerfile.h"
#include "cli/build/dockerfile/expand_instruction.h"

namespace davit::cli {
namespace {

using ::davit::v1::ImageChanges;
namespace df = dockerfile;

std::unexpected<Error> Refuse(const std::string& change, const std::string& why) {
  return Fail(Code::kInvalidArgument, "change", change, why);
}

// As in Dockerfiles: without the exec form, the shell runs the text.
void SetWords(const df::CommandLine& command, ImageChanges::Words& words) {
  words.Clear();
  if (!command.exec_form && !command.words.empty())
    for (const char* word : {"/bin/sh", "-c"}) words.add_words(word);
  for (const df::Token& word : command.words) words.add_words(word.text);
}

struct Taker {
  ImageChanges& changes;

  bool operator()(const df::Cmd& cmd) const {
    SetWords(cmd.command, *changes.mutable_command());
    return true;
  }
  bool operator()(const df::Entrypoint& entrypoint) const {
    SetWords(entrypoint.command, *changes.mutable_entrypoint());
    return true;
  }
  bool operator()(const df::Env& env) const {
    for (const df::Assignment& variable : env.variables)
      changes.add_env(variable.name.text + "=" + variable.value.text);
    return true;
  }
  bool operator()(const df::Label& label) const {
    for (const df::Assignment& entry : label.labels)
      (*changes.mutable_labels())[entry.name.text] = entry.value.text;
    return true;
  }
  bool operator()(const df::Expose& expose) const {
    for (const df::Token& port : expose.ports)
      changes.add_exposed_ports(port.text + (port.text.find('/') == std::string::npos ? "/tcp" : ""));
    return true;
  }
  bool operator()(const df::Volume& volume) const {
    for (const df::Token& path : volume.paths) changes.add_volumes(path.text);
    return true;
  }
  bool operator()(const df::User& user) const {
    changes.set_user(user.user.text);
    return true;
  }
  bool operator()(const df::Workdir& workdir) const {
    changes.set_working_dir(workdir.path.text);
    return true;
  }
  bool operator()(const df::StopSignal& signal) const {
    changes.set_stop_signal(signal.signal.text);
    return true;
  }
  bool operator()(const df::OnBuild& on_build) const {
    changes.add_on_build(on_build.text);
    return true;
  }
  template <typename Other>
  bool operator()(const Other&) const {
    return false;
  }
};

Result<df::Instruction> ParseOne(const std::string& change) {
  df::Parsed<df::Tree> tree = df::ReadTree("FROM scratch\n" + change + "\n");
  if (!tree) return Refuse(change, tree.error().text);
  std::vector<df::Problem> problems;
  df::Dockerfile file = df::ParseTree(*tree, problems);
  if (!problems.empty()) return Refuse(change, problems.front().ToString());
  if (file.stages.size() != 1 || file.stages[0].instructions.size() != 1)
    return Refuse(change, "write one instruction of a Dockerfile");
  return std::move(file.stages[0].instructions[0]);
}

Result<> Expand(const std::string& change, df::Instruction& instruction) {
  df::Variables none;
  df::ExpansionBudget budget;
  df::Expander words({}, none, budget);
  df::Expander contents({}, none, budget);
  df::Parsed<> expanded = df::ExpandVariables(words, contents, instruction);
  if (!expanded) return Refuse(change, expanded.error().text);
  if (!words.unset().empty())
    return Refuse(change, "no variable is set here, such as " + *words.unset().begin());
  return {};
}

}  // namespace

Result<ImageChanges> ParseImageChanges(const std::vector<std::string>& changes) {
  ImageChanges parsed;
  for (const std::string& change : changes) {
    df::Instruction instruction = TRY(ParseOne(change));
    TRY(Expand(change, instruction));
    if (!std::visit(Taker{parsed}, instruction.meaning))
      return Refuse(change, instruction.keyword.text + " is not a valid change command");
  }
  return parsed;
}

}  // namespace davit::cli
