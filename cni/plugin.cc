// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin.h"

#include <unistd.h>

#include <ranges>

#include "base/run_program.h"
#include "cni/veth.h"

namespace davit {

Result<PluginNetwork> PluginNetwork::Load(const Options& options) {
  return PluginNetwork(options, TRY(LoadPluginList(options.conf_dir)));
}

Result<PluginNetwork> PluginNetwork::Restore(const Options& options, const std::string& file,
                                             const std::string& text) {
  return PluginNetwork(options, TRY(ParsePluginList(file, text)));
}

Result<PluginAttachment> PluginNetwork::Add(const PluginPod& pod) const {
  for (const auto& [key, value] : pod.args)  // CNI_ARGS knows no quoting
    if (key.find_first_of(";=") != key.npos || value.contains(';'))
      return Fail(Code::kInvalidArgument, "network plugin ADD", key, "';' in " + value);
  PluginAttachment attachment;
  for (const PluginConfig& plugin : list_.plugins) {
    Result<std::string> result = Call(plugin, "ADD", pod, PluginInput(plugin, pod.ports, attachment.result));
    if (!result) {
      Error error = std::move(result).error();
      if (Result<> undone = Delete(pod, attachment.result); !undone)
        error.context += " (undoing it failed too: " + undone.error().ToString() + ")";
      return std::unexpected(std::move(error));
    }
    attachment.result = std::move(*result);
  }
  attachment.addresses = TRY(AddressesInResult(attachment.result));
  return attachment;
}

Result<> PluginNetwork::Delete(const PluginPod& pod, const std::string& result) const {
  Result<> first_error;
  const std::string& previous = list_.IsAtLeast(0, 4) ? result : std::string();
  for (const PluginConfig& plugin : list_.plugins | std::views::reverse) {
    Result<std::string> deleted = Call(plugin, "DEL", pod, PluginInput(plugin, pod.ports, previous));
    if (!deleted && first_error) first_error = std::unexpected(std::move(deleted).error());
  }
  return first_error;
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
    if (access(path.c_str(), X_OK) == 0) return path;
    looked_in += (looked_in.empty() ? "not in " : ", ") + dir;
  }
  return Fail(Code::kFailedPrecondition, "find network plugin", type, looked_in);
}

Result<std::string> PluginNetwork::Call(const PluginConfig& plugin, const std::string& command,
                                        const PluginPod& pod, const std::string& input) const {
  std::string program = TRY(FindProgram(plugin.type));
  ProgramOutcome outcome = TRY(RunProgram("network plugin", {.program = program,
                                                             .args = {},
                                                             .env = Environment(command, pod),
                                                             .input = input,
                                                             .timeout_ms = options_.timeout_ms}));
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
  for (const auto& [key, value] : pod.args) args += ";" + key + "=" + value;
  env.insert(env.end(), {"CNI_CONTAINERID=" + pod.id, "CNI_NETNS=" + pod.netns_path,
                         std::string("CNI_IFNAME=") + kPodInterface, "CNI_ARGS=" + args});
  return env;
}

}  // namespace davit
