// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge: a plugin of the Container Network Interface, version 1.1 (https://www.cni.dev). A runtime
// starts it with a command in the environment and a network configuration on standard input.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/file_io.h"
#include "base/json.h"
#include "base/unique_fd.h"
#include "cni/davit_bridge/answer.h"
#include "cni/davit_bridge/commands.h"
#include "cni/davit_bridge/container_link.h"
#include "cni/davit_bridge/versions.h"

namespace davit::cni {
namespace {

constexpr size_t kMaxInput = 4 << 20;

std::string EnvironmentVariable(const char* name) {
  const char* value = getenv(name);
  return value != nullptr ? value : "";
}

Answer Versions(const std::string& asked) {
  nlohmann::json supported = nlohmann::json::array();
  for (std::string_view version : kVersions) supported.push_back(std::string(version));
  nlohmann::json answer = {{"cniVersion", asked.empty() ? std::string(kNewestVersion) : asked},
                           {"supportedVersions", std::move(supported)}};
  return {0, PrintJson(answer, /*indent=*/2) + "\n"};
}

Answer AnswerWith(const std::string& version, Result<Outcome> outcome, CniCode failure) {
  if (!outcome) return Failure(version, failure, outcome.error());
  if (!outcome->warning.empty()) fprintf(stderr, "davit-bridge: %s\n", outcome->warning.c_str());
  return {0, std::move(outcome->output)};
}

Answer AnswerWith(const std::string& version, Result<Outcome> outcome) {
  CniCode failure = outcome ? CniCode::kInternal : CniCodeOf(outcome.error());
  return AnswerWith(version, std::move(outcome), failure);
}

// The version of the specification in which a command has appeared.
std::string_view SinceOf(Command command) {
  switch (command) {
    case Command::kCheck:
      return "0.4.0";
    case Command::kStatus:
    case Command::kGc:
      return "1.1.0";
    default:
      return kVersions.front();
  }
}

Result<> CheckVersion(const Invocation& call, const std::string& version) {
  if (!IsSupportedVersion(version))
    return Fail(Code::kInvalidArgument, "read network configuration", "cniVersion \"" + version + "\"",
                "supported are 0.3.0 to 1.1.0");
  if (!IsSince(version, SinceOf(call.command)))
    return Fail(Code::kInvalidArgument, "read network configuration", "cniVersion " + version,
                "the command exists since " + std::string(SinceOf(call.command)));
  return {};
}

// Commands that enter the container's network namespace.
Answer RunInside(const Invocation& call, const NetworkConfig& config) {
  Result<UniqueFd> netns = OpenNetns(call);
  if (!netns) {
    bool missing = netns.error().code == Code::kNotFound;
    return Failure(config.version, missing ? CniCode::kUnknownContainer : CniCode::kInvalidNetns,
                   netns.error());
  }
  auto* command = call.command == Command::kAdd ? AddContainer : CheckContainer;
  return AnswerWith(config.version, command(call, config, netns->get()));
}

Answer RunCommand(const Invocation& call, const NetworkConfig& config) {
  switch (call.command) {
    case Command::kDel:
      return AnswerWith(config.version, DeleteContainer(call, config));
    case Command::kGc:
      return AnswerWith(config.version, CollectGarbage(call, config));
    case Command::kStatus:
      return AnswerWith(config.version, ReportStatus(call, config), CniCode::kNotAvailable);
    default:
      return RunInside(call, config);
  }
}

Answer Serve() {
  Result<Invocation> call = ReadInvocation(EnvironmentVariable);
  if (!call) return Failure("", CniCode::kInvalidEnvironment, call.error());
  Result<std::string> input = ReadFd(STDIN_FILENO, "standard input", kMaxInput);
  if (!input) return Failure("", CniCode::kIoFailure, input.error());
  Result<std::string> version = VersionOf(*input);
  if (call->command == Command::kVersion) return Versions(version.value_or(""));
  if (!version) return Failure("", CniCode::kDecodingFailure, version.error());
  if (Result<> known = CheckVersion(*call, *version); !known)
    return Failure(IsSupportedVersion(*version) ? *version : "", CniCode::kIncompatibleVersion,
                   known.error());
  bool detaches = call->command == Command::kDel || call->command == Command::kGc;
  Result<NetworkConfig> config = detaches ? ParseDetachConfig(*input) : ParseNetworkConfig(*input);
  if (!config) return Failure(*version, CniCodeOf(config.error()), config.error());
  return RunCommand(*call, *config);
}

}  // namespace
}  // namespace davit::cni

int main() {
  signal(SIGPIPE, SIG_IGN);
  davit::cni::Answer answer = davit::cni::Serve();
  if (!davit::WriteAll(STDOUT_FILENO, answer.output, "standard output")) return 1;
  return answer.exit_status;
}
