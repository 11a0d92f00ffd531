// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/delegate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "base/run_program.h"
#include "cni/plugin_result.h"

namespace davit::cni {
namespace {

constexpr int64_t kTimeoutMs = 120'000;  // DHCP takes its time; callers have limits of their own
constexpr std::string_view kCommandVariable = "CNI_COMMAND=";

Result<std::string> FindPlugin(const std::string& plugin, const std::vector<std::string>& path) {
  for (const std::string& dir : path) {
    std::string program = dir + "/" + plugin;
    struct stat status{};
    if (stat(program.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(program.c_str(), X_OK) == 0)
      return program;
  }
  std::string looked_in;
  for (const std::string& dir : path) looked_in += (looked_in.empty() ? "" : ":") + dir;
  return Fail(Code::kFailedPrecondition, "find plugin", plugin, "not in CNI_PATH " + looked_in);
}

std::vector<std::string> EnvironmentFor(const char* command) {
  std::vector<std::string> environment = {std::string(kCommandVariable) + command};
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with(kCommandVariable)) environment.emplace_back(*variable);
  return environment;
}

}  // namespace

Result<std::string> Delegate(const std::string& plugin, const char* command,
                             const std::vector<std::string>& path, const std::string& text) {
  std::string program = TRY(FindPlugin(plugin, path));
  ProgramOutcome outcome = TRY(RunProgram("plugin " + plugin, {.program = program,
                                                               .args = {},
                                                               .env = EnvironmentFor(command),
                                                               .input = text,
                                                               .timeout_ms = kTimeoutMs}));
  if (outcome.status.code == 0) return outcome.output;
  return std::unexpected(PluginFailure(plugin, command, outcome.output, outcome.diagnostics));
}

Result<CniResult> DelegateAdd(const std::string& plugin, const std::vector<std::string>& path,
                              const std::string& text) {
  CniResult result = TRY(ParseResult(TRY(Delegate(plugin, "ADD", path, text)), "result of " + plugin));
  if (result.addresses.empty())
    return Fail(Code::kInternal, "read result", "plugin " + plugin, "it has no address");
  return result;
}

}  // namespace davit::cni
