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

namespace davit::cri {

Result<> PluginPods::Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                            SandboxRecord& record) const {
  cni::PluginNetwork plugins =
      TRY(cni::PluginNetwork::Restore(options_.plugins, record.plugins->file, record.plugins->config));
  cni::PluginPod pod = TRY(Describe(config, record.id));
  pod.netns_path = TRY(cni::PinNetns(options_.pin_dir, record.id, netns_fd));
  cni::PluginAttachment attachment = TRY(plugins.Add(pod));
  record.plugins->result = attachment.result;
  for (const cni::IpAddress& address : attachment.addresses) record.addresses.push_back(address.ToString());
  if (record.addresses.empty())
    return Fail(Code::kInternal, "attach pod", record.id, "the network plugins gave it no address");
  return {};
}

Result<Leftovers> PluginPods::Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                                     Attempt attempt) const {
  Leftovers left = TRY(RunDelete(config, record, attempt));
  Result<> unpinned = cni::UnpinNetns(options_.pin_dir, record.id);
  if (!unpinned && attempt == Attempt::kMayRepeat) return std::unexpected(std::move(unpinned).error());
  if (!unpinned) left.push_back(std::move(unpinned).error());
  return left;
}

// The configuration that made the network takes it down, whatever is in force now.
Result<Leftovers> PluginPods::RunDelete(const runtime::v1::PodSandboxConfig& config,
                                        const SandboxRecord& record, Attempt attempt) const {
  Result<cni::PluginNetwork> plugins =
      cni::PluginNetwork::Restore(options_.plugins, record.plugins->file, record.plugins->config);
  if (!plugins) return Leftovers{Within("detach pod " + record.id, std::move(plugins).error())};
  Result<cni::PluginPod> pod = Describe(config, record.id);
  if (!pod) return Leftovers{Within("detach pod " + record.id, std::move(pod).error())};
  bool pinned = cni::IsPinned(options_.pin_dir, record.id);
  if (pinned) pod->netns_path = cni::NetnsPin(options_.pin_dir, record.id);

  Leftovers left;
  for (cni::FailedDelete& failed : plugins->Delete(*pod, record.plugins->result)) {
    cni::TeardownState state{.netns_gone = !pinned,
                             .in_force = cni::IsInForce(failed.plugin, options_.plugins.conf_dir),
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

Result<> PluginPods::Check(int interrupt_fd) const {
  cni::PluginNetwork::Options options = options_.plugins;
  options.timeout_ms = std::min(options.timeout_ms, options_.status_timeout_ms);
  options.interrupt_fd = interrupt_fd;
  return TRY(cni::PluginNetwork::Load(options)).Check();
}

Result<> PluginPods::Collect(const std::vector<std::string>& live) const {
  cni::PluginNetwork::Options options = options_.plugins;
  options.timeout_ms = std::min(options.timeout_ms, options_.collect_timeout_ms);
  return TRY(cni::PluginNetwork::Load(options)).Collect(live);
}

Result<cni::PluginPod> PluginPods::Describe(const runtime::v1::PodSandboxConfig& config,
                                            const std::string& id) const {
  std::vector<cni::PortMapping> ports = TRY(HostPorts(config));
  return cni::PluginPod{id, "", std::move(ports), PluginArguments(config, id)};
}

}  // namespace davit::cri
