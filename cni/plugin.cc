// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <ranges>

#include "base/file_io.h"
#include "base/spawn.h"
#include "cni/veth.h"

namespace davit {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

struct Outcome {
  ExitStatus status;
  std::string output;
  std::string diagnostics;
};

Result<UniqueFd> OpenScratch(std::string_view content = {}) {
  UniqueFd fd(memfd_create("network-plugin", MFD_CLOEXEC));
  if (!fd) return SystemError("memfd_create", "network plugin");
  TRY(WriteAll(fd.get(), content, "network plugin"));
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return SystemError("lseek", "network plugin");
  return fd;
}

Result<std::string> Content(const UniqueFd& fd) {
  if (lseek(fd.get(), 0, SEEK_SET) < 0) return SystemError("lseek", "network plugin");
  return ReadFd(fd.get(), "network plugin", kMaxOutput);
}

// With files in memory for the three streams nobody has to be read from while it runs.
Result<Outcome> RunProgram(const std::string& program, std::vector<std::string> env, const std::string& input,
                           int timeout_ms) {
  UniqueFd in = TRY(OpenScratch(input));
  UniqueFd out = TRY(OpenScratch());
  UniqueFd err = TRY(OpenScratch());
  ChildProcess child = TRY(Spawn({.program = program,
                                  .args = {program},
                                  .env = std::move(env),
                                  .fds = {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}}}));
  Result<bool> ended = child.pidfd.WaitExit(timeout_ms);
  // With all that it has started: it leads a session of its own, and keeps its number until it is reaped.
  if (!ended || !*ended) kill(-child.pid, SIGKILL);
  ExitStatus status = TRY(Reap(child));
  if (!TRY(std::move(ended)))
    return Fail(Code::kDeadlineExceeded, "run network plugin", program,
                "killed after " + std::to_string(timeout_ms) + " ms");
  Outcome outcome;
  outcome.status = status;
  outcome.output = TRY(Content(out));
  outcome.diagnostics = TRY(Content(err));
  return outcome;
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
  Outcome outcome = TRY(RunProgram(program, Environment(command, pod), input, options_.timeout_ms));
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
