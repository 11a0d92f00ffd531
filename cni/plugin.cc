// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ranges>

#include "base/json.h"
#include "cni/plugin_result.h"
#include "cni/veth.h"

namespace davit::cni {
namespace {

// CNI_ARGS knows no quoting.
bool IsArgument(const std::string& key, const std::string& value) {
  return key.find_first_of(";=") == key.npos && !value.contains(';');
}

std::vector<std::pair<std::string, std::string>> ArgumentsOf(const PluginPod& pod) {
  constexpr char kIgnoreUnknown[] = "IgnoreUnknown";
  std::vector<std::pair<std::string, std::string>> args = {{kIgnoreUnknown, "1"}};
  for (const auto& argument : pod.args)
    if (argument.first != kIgnoreUnknown) args.push_back(argument);
  return args;
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

Result<PluginNetwork> PluginNetwork::Restore(const Options& options, const std::string& file,
                                             const std::string& text) {
  return PluginNetwork(options, TRY(ParsePluginList(file, text)));
}

Result<PluginNetwork> PluginNetwork::Restore(const Options& options, const CachedAttachment& attachment) {
  bool chain = JsonMember(JsonOrNull(attachment.config), "plugins") != nullptr;
  return Restore(options, chain ? "cached.conflist" : "cached.conf", attachment.config);
}

Result<PluginAttachment> PluginNetwork::Add(const PluginPod& pod) const {
  for (const auto& [key, value] : pod.args)
    if (!IsArgument(key, value))
      return Fail(Code::kInvalidArgument, "network plugin ADD", key, "';' in " + value);
  PluginAttachment attachment;
  for (const PluginConfig& plugin : list_.plugins) {
    Result<std::string> result =
        Call(plugin, "ADD", pod, PluginInput(plugin, pod.capabilities, attachment.result));
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
  if (Result<> cached = PutIntoCache(pod, attachment.result); !cached)
    attachment.not_cached = std::move(cached).error();
  return attachment;
}

Result<> PluginNetwork::PutIntoCache(const PluginPod& pod, const std::string& result) const {
  return ResultCache(options_.cache_dir)
      .Put({.network = list_.name,
            .container_id = pod.id,
            .interface = kPodInterface,
            .netns_path = pod.netns_path,
            .config = list_.text,
            .args = ArgumentsOf(pod),
            .capabilities = pod.capabilities,
            .result = result,
            .owner = options_.cache_owner});
}

std::string PluginNetwork::ResultOf(const PluginPod& pod, const std::string& recorded) const {
  if (!recorded.empty()) return recorded;
  Result<CachedAttachment> cached = ResultCache(options_.cache_dir).Get(list_.name, pod.id, kPodInterface);
  return cached ? std::move(cached->result) : std::string();
}

void PluginNetwork::Undo(const PluginPod& pod, const std::string& result, Error& error) const {
  for (const FailedDelete& failed : Delete(pod, result))
    error.context += " (undoing it failed too: " + failed.error.ToString() + ")";
}

std::vector<FailedDelete> PluginNetwork::Delete(const PluginPod& pod, const std::string& result) const {
  std::vector<FailedDelete> failures;
  const std::string previous = list_.IsAtLeast(0, 4) ? ResultOf(pod, result) : std::string();
  for (const PluginConfig& plugin : list_.plugins | std::views::reverse) {
    Result<ProgramOutcome> ran = Run(plugin, "DEL", pod, PluginInput(plugin, pod.capabilities, previous));
    if (!ran) {
      failures.push_back({plugin, TroubleOf(ran.error()), std::move(ran).error()});
    } else if (ran->status.code != 0) {
      Error answer = PluginFailure(plugin.type, "DEL", ran->output, ran->diagnostics);
      bool later = answer.code == Code::kUnavailable;
      failures.push_back(
          {plugin, later ? DeleteTrouble::kNoAnswer : DeleteTrouble::kRefused, std::move(answer)});
    }
  }
  // A file that cannot be removed is found again at the next start (PluginPods::CollectCached).
  if (failures.empty()) (void)ResultCache(options_.cache_dir).Remove(list_.name, pod.id, kPodInterface);
  return failures;
}

Result<> PluginNetwork::CheckPod(const PluginPod& pod, const std::string& result) const {
  if (!list_.IsAtLeast(0, 4) || list_.disable_check) return {};
  const std::string previous = ResultOf(pod, result);
  for (const PluginConfig& plugin : list_.plugins)
    TRY(Call(plugin, "CHECK", pod, PluginInput(plugin, pod.capabilities, previous)));
  return {};
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
  std::string args;
  for (const auto& [key, value] : ArgumentsOf(pod))
    if (IsArgument(key, value)) args += (args.empty() ? "" : ";") + key + "=" + value;
  env.insert(env.end(), {"CNI_CONTAINERID=" + pod.id, "CNI_NETNS=" + pod.netns_path,
                         std::string("CNI_IFNAME=") + kPodInterface, "CNI_ARGS=" + args});
  return env;
}

}  // namespace davit::cni
