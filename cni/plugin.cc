// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ranges>

#include "cni/plugin_result.h"
#include "cni/veth.h"

namespace davit::cni {
namespace {

// CNI_ARGS knows no quoting.
bool IsArgument(const std::string& key, const std::string& value) {
  return key.find_first_of(";=") == key.npos && !value.contains(';');
}

bool IsProgram(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

// For an error that came instead of an answer. A script whose interpreter is gone cannot be started either.
DeleteTrouble TroubleOf(const Error& error) {
  bool not_a_program = error.os_errno == ENOENT || error.os_errno == ENOEXEC || error.os_errno == EACCES;
  bool missing = error.code == Code::kFailedPrecondition && error.os_errno == 0;  // FindProgram
  return missing || not_a_program ? DeleteTrouble::kCannotRun : DeleteTrouble::kNoAnswer;
}

}  // namespace

Result<PluginNetwork> PluginNetwork::Load(const Options& options) {
  return PluginNetwork(options, TRY(LoadPluginList(options.conf_dir)));
}

Result<PluginNetwork> PluginNetwork::Restore(const Options& options, const std::string& file,
                                             const std::string& text) {
  return PluginNetwork(options, TRY(ParsePluginList(file, text)));
}

Result<PluginAttachment> PluginNetwork::Add(const PluginPod& pod) const {
  for (const auto& [key, value] : pod.args)
    if (!IsArgument(key, value))
      return Fail(Code::kInvalidArgument, "network plugin ADD", key, "';' in " + value);
  PluginAttachment attachment;
  for (const PluginConfig& plugin : list_.plugins) {
    Result<std::string> result = Call(plugin, "ADD", pod, PluginInput(plugin, pod.ports, attachment.result));
    if (!result) {
      Undo(pod, attachment.result, result.error());
      return std::unexpected(std::move(result).error());
    }
    attachment.result = std::move(*result);
  }
  Result<std::vector<IpAddress>> addresses = AddressesInResult(attachment.result);
  if (!addresses) {
    Undo(pod, attachment.result, addresses.error());
    return std::unexpected(std::move(addresses).error());
  }
  attachment.addresses = std::move(*addresses);
  return attachment;
}

void PluginNetwork::Undo(const PluginPod& pod, const std::string& result, Error& error) const {
  for (const FailedDelete& failed : Delete(pod, result))
    error.context += " (undoing it failed too: " + failed.error.ToString() + ")";
}

std::vector<FailedDelete> PluginNetwork::Delete(const PluginPod& pod, const std::string& result) const {
  std::vector<FailedDelete> failures;
  const std::string& previous = list_.IsAtLeast(0, 4) ? result : std::string();
  for (const PluginConfig& plugin : list_.plugins | std::views::reverse) {
    Result<ProgramOutcome> ran = Run(plugin, "DEL", pod, PluginInput(plugin, pod.ports, previous));
    if (!ran) {
      failures.push_back({plugin, TroubleOf(ran.error()), std::move(ran).error()});
    } else if (ran->status.code != 0) {
      Error answer = PluginFailure(plugin.type, "DEL", ran->output, ran->diagnostics);
      bool later = answer.code == Code::kUnavailable;
      failures.push_back(
          {plugin, later ? DeleteTrouble::kNoAnswer : DeleteTrouble::kRefused, std::move(answer)});
    }
  }
  return failures;
}

Result<> PluginNetwork::Collect(const std::vector<std::string>& live_pods) const {
  Result<> first_error;
  if (!list_.IsAtLeast(1, 1) || list_.disable_gc) return first_error;
  for (const PluginConfig& plugin : list_.plugins) {
    Result<std::string> collected = Call(plugin, "GC", {}, CollectInput(plugin, live_pods, kPodInterface));
    if (!collected && first_error) first_error = std::unexpected(std::move(collected).error());
  }
  return first_error;
}

Result<> PluginNetwork::Check() const {
  for (const PluginConfig& plugin : list_.plugins) {
    TRY(FindProgram(plugin.type));
    if (list_.IsAtLeast(1, 1)) TRY(Call(plugin, "STATUS", {}, PluginInput(plugin, {}, "")));
  }
  return {};
}

Result<std::string> PluginNetwork::FindProgram(const std::string& type) const {
  std::string looked_in;
  for (const std::string& dir : options_.bin_dirs) {
    std::string path = dir + "/" + type;
    if (IsProgram(path)) return path;
    looked_in += (looked_in.empty() ? "not in " : ", ") + dir;
  }
  return Fail(Code::kFailedPrecondition, "find network plugin", type, looked_in);
}

Result<ProgramOutcome> PluginNetwork::Run(const PluginConfig& plugin, const std::string& command,
                                          const PluginPod& pod, const std::string& input) const {
  std::string program = TRY(FindProgram(plugin.type));
  return RunProgram("network plugin", {.program = program,
                                       .args = {},
                                       .env = Environment(command, pod),
                                       .input = input,
                                       .timeout_ms = options_.timeout_ms,
                                       .interrupt_fd = options_.interrupt_fd});
}

Result<std::string> PluginNetwork::Call(const PluginConfig& plugin, const std::string& command,
                                        const PluginPod& pod, const std::string& input) const {
  ProgramOutcome outcome = TRY(Run(plugin, command, pod, input));
  if (outcome.status.code != 0)
    return std::unexpected(PluginFailure(plugin.type, command, outcome.output, outcome.diagnostics));
  return outcome.output;
}

std::vector<std::string> PluginNetwork::Environment(const std::string& command, const PluginPod& pod) const {
  std::string path;
  for (const std::string& dir : options_.bin_dirs) path += (path.empty() ? "" : ":") + dir;
  std::vector<std::string> env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                  "CNI_COMMAND=" + command, "CNI_PATH=" + path};
  if (command == "STATUS" || command == "GC") return env;
  std::string args = "IgnoreUnknown=1";
  for (const auto& [key, value] : pod.args)
    if (IsArgument(key, value)) args += ";" + key + "=" + value;
  env.insert(env.end(), {"CNI_CONTAINERID=" + pod.id, "CNI_NETNS=" + pod.netns_path,
                         std::string("CNI_IFNAME=") + kPodInterface, "CNI_ARGS=" + args});
  return env;
}

}  // namespace davit::cni
