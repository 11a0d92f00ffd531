// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/plugin_pods.h"

#include <fcntl.h>

#include <algorithm>

#include "base/file_io.h"
#include "cni/netns_pin.h"
#include "cni/plugin_teardown.h"
#include "cni/veth.h"
#include "cri/network/network_request.h"
#include "cri/network/plugin_capabilities.h"

namespace davit::cri {

Result<std::optional<Error>> PluginPods::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                                                SandboxRecord& record) const {
  cni::PluginNetwork plugins =
      TRY(cni::PluginNetwork::Restore(options_.plugins, record.plugins->file, record.plugins->config));
  TRY(PluginCapabilities(config));  // Describe omits what is invalid
  cni::PluginPod pod = Describe(config, record);
  pod.netns_path = TRY(cni::PinNetns(options_.pin_dir, record.id, netns_fd));
  cni::PluginAttachment attachment = TRY(plugins.Add(pod));
  record.plugins->result = attachment.result;
  for (const cni::IpAddress& address : attachment.addresses) record.addresses.push_back(address.ToString());
  if (record.addresses.empty())
    return Fail(Code::kInternal, "attach pod", record.id, "the network plugins gave it no address");
  return std::move(attachment.not_cached);
}

Result<Leftovers> PluginPods::Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                                     Attempt attempt) {
  Leftovers left = TRY(RunDelete(config, record, attempt));
  Result<> unpinned = cni::UnpinNetns(options_.pin_dir, record.id);
  if (!unpinned && attempt == Attempt::kMayRepeat) return std::unexpected(std::move(unpinned).error());
  if (!unpinned) left.push_back(std::move(unpinned).error());
  return left;
}

// The configuration that made the network takes it down, whatever is in force now.
Result<Leftovers> PluginPods::RunDelete(const runtime::v1::PodSandboxConfig& config,
                                        const SandboxRecord& record, Attempt attempt) {
  Result<cni::PluginNetwork> plugins =
      cni::PluginNetwork::Restore(options_.plugins, record.plugins->file, record.plugins->config);
  if (!plugins) return Leftovers{Within("detach pod " + record.id, std::move(plugins).error())};
  cni::PluginPod pod = Describe(config, record);
  bool pinned = !pod.netns_path.empty();

  Leftovers left;
  Result<cni::PluginList> in_force = source_.Read().in_force;
  for (cni::FailedDelete& failed : plugins->Delete(pod, record.plugins->result)) {
    cni::TeardownState state{.netns_gone = !pinned,
                             .in_force = cni::IsInForce(failed.plugin, in_force),
                             .out_of_patience = attempt == Attempt::kLast};
    Error error = Within("detach pod " + record.id, std::move(failed.error));
    if (cni::JudgeFailedDelete(failed.trouble, state) == cni::Verdict::kRetry)
      return std::unexpected(std::move(error));
    left.push_back(std::move(error));
  }
  return left;
}

std::vector<cni::LinkCounters> PluginPods::Counters(const std::string& id) const {
  return LookInside(id).value_or(std::vector<cni::LinkCounters>());
}

// Plugins may have made several interfaces, of any kind, and none that the host has an end of.
Result<std::vector<cni::LinkCounters>> PluginPods::LookInside(const std::string& id) const {
  UniqueFd netns = TRY(OpenAt(AT_FDCWD, cni::NetnsPin(options_.pin_dir, id), O_RDONLY));
  cni::NetlinkSocket inside = TRY(cni::EnterPod(netns.get()));
  std::vector<cni::LinkCounters> links = TRY(cni::ListLinkCounters(inside));
  auto main_link = std::ranges::find(links, cni::kPodInterface, &cni::LinkCounters::name);
  if (main_link != links.end()) std::rotate(links.begin(), main_link, main_link + 1);
  return links;
}

Result<> PluginPods::CheckPod(const RecordedPod& pod, int interrupt_fd) const {
  cni::PluginNetwork plugins =
      TRY(cni::PluginNetwork::Restore(OptionsFor(options_.plugins.timeout_ms, interrupt_fd),
                                      pod.record.plugins->file, pod.record.plugins->config));
  cni::PluginPod described = Describe(pod.config, pod.record);
  if (described.netns_path.empty()) return {};  // the pod itself is gone, which recovery finds
  return plugins.CheckPod(described, pod.record.plugins->result);
}

Result<> PluginPods::Check(const cni::PluginList& plugins, int interrupt_fd) const {
  return cni::PluginNetwork(OptionsFor(options_.status_timeout_ms, interrupt_fd), plugins).Check();
}

Result<> PluginPods::Collect(const cni::PluginList& plugins, const std::vector<std::string>& live) const {
  return cni::PluginNetwork(OptionsFor(options_.collect_timeout_ms, /*interrupt_fd=*/-1), plugins)
      .Collect(live);
}

std::vector<cni::FailedDelete> PluginPods::DeleteCached(const cni::CachedAttachment& cached,
                                                        Leftovers& failures) const {
  const std::string operation = "detach former pod " + cached.container_id;
  Result<cni::PluginNetwork> plugins =
      cni::PluginNetwork::Restore(OptionsFor(options_.collect_timeout_ms, /*interrupt_fd=*/-1), cached);
  if (!plugins) {
    failures.push_back(Within(operation, std::move(plugins).error()));
    return {};
  }
  bool pinned = cni::IsPinned(options_.pin_dir, cached.container_id);
  std::vector<cni::FailedDelete> failed = plugins->Delete({.id = cached.container_id,
                                                           .netns_path = pinned ? cached.netns_path : "",
                                                           .capabilities = cached.capabilities,
                                                           .args = cached.args},
                                                          cached.result);
  for (const cni::FailedDelete& step : failed) failures.push_back(Within(operation, step.error));
  return failed;
}

Leftovers PluginPods::CollectCached(const std::vector<std::string>& live) const {
  cni::ResultCache cache(options_.plugins.cache_dir);
  Leftovers failures;
  for (const cni::CachedAttachment& cached : cache.List()) {
    bool ours = !cached.owner.empty() && cached.owner == options_.plugins.cache_owner;
    if (!ours || std::ranges::find(live, cached.container_id) != live.end()) continue;
    std::vector<cni::FailedDelete> failed = DeleteCached(cached, failures);
    bool again =
        std::ranges::find(failed, cni::DeleteTrouble::kNoAnswer, &cni::FailedDelete::trouble) != failed.end();
    if (again) break;  // each of the others could take as long
    for (const auto& step : {cache.Remove(cached.network, cached.container_id, cached.interface),
                             cni::UnpinNetns(options_.pin_dir, cached.container_id)})
      if (!step) failures.push_back(step.error());
  }
  return failures;
}

cni::PluginNetwork::Options PluginPods::OptionsFor(int timeout_ms, int interrupt_fd) const {
  cni::PluginNetwork::Options options = options_.plugins;
  options.timeout_ms = std::min(options.timeout_ms, timeout_ms);
  options.interrupt_fd = interrupt_fd;
  return options;
}

// For a DEL, what of the capabilities cannot be read is what the plugins were not given.
cni::PluginPod PluginPods::Describe(const runtime::v1::PodSandboxConfig& config,
                                    const SandboxRecord& record) const {
  const std::string& id = record.id;
  bool pinned = cni::IsPinned(options_.pin_dir, id);
  return {.id = id,
          .netns_path = pinned ? cni::NetnsPin(options_.pin_dir, id) : "",
          .capabilities = PluginCapabilities(config).value_or(cni::CapabilityArguments()),
          .args = PluginArguments(config, id, record.owner)};
}

}  // namespace davit::cri
