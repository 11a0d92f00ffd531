// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods whose network is made by plugins.

#include <unistd.h>

#include <algorithm>

#include "base/file_io.h"
#include "cni/netns_pin.h"
#include "cni/veth.h"
#include "cri/network/network_request.h"
#include "cri/network/pod_network.h"

namespace davit {
namespace {
// At a start of the daemon, which waits for it.
constexpr int kCollectTimeoutMs = 5'000;
}  // namespace

Result<> PodNetwork::AttachByPlugins(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                                     SandboxRecord& record) {
  PluginNetwork plugins = TRY(PluginsOf(record));
  PluginPod pod = TRY(PluginPodOf(config, record.id));
  pod.netns_path = TRY(PinNetns(options_.pin_dir, record.id, netns_fd));
  PluginAttachment attachment = TRY(plugins.Add(pod));
  record.plugins->result = attachment.result;
  for (const IpAddress& address : attachment.addresses) record.addresses.push_back(address.ToString());
  if (record.addresses.empty())
    return Fail(Code::kInternal, "attach pod", record.id, "the network plugins gave it no address");
  return {};
}

Result<> PodNetwork::DetachByPlugins(Sandbox& sandbox, const SandboxRecord& record) {
  PluginNetwork plugins = TRY(PluginsOf(record));
  PluginPod pod = TRY(PluginPodOf(sandbox.config(), record.id));
  pod.netns_path = NetnsPin(options_.pin_dir, record.id);
  if (access(pod.netns_path.c_str(), F_OK) != 0) pod.netns_path.clear();  // the host was started anew
  TRY(plugins.Delete(pod, record.plugins->result));
  TRY(UnpinNetns(options_.pin_dir, record.id));
  return sandbox.record().Change([](SandboxRecord& r) {
    r.addresses.clear();
    r.plugins.reset();
  });
}

// Plugins may have made several interfaces, of any kind, and none that the host has an end of.
Result<std::vector<LinkCounters>> PodNetwork::CountersInside(const std::string& id) const {
  UniqueFd netns = TRY(OpenAt(AT_FDCWD, NetnsPin(options_.pin_dir, id), O_RDONLY));
  NetlinkSocket inside = TRY(EnterPod(netns.get()));
  std::vector<LinkCounters> links = TRY(ListLinkCounters(inside));
  auto main_link = std::ranges::find(links, kPodInterface, &LinkCounters::name);
  if (main_link != links.end()) std::rotate(links.begin(), main_link, main_link + 1);
  return links;
}

Result<PluginNetwork> PodNetwork::PluginsOf(const SandboxRecord& record) const {
  return PluginNetwork::Restore(options_.plugins, record.plugins->file, record.plugins->config);
}

Result<PluginPod> PodNetwork::PluginPodOf(const runtime::v1::PodSandboxConfig& config,
                                          const std::string& id) const {
  std::vector<PortMapping> ports = TRY(HostPorts(config));
  return PluginPod{id, "", std::move(ports), PluginArguments(config, id)};
}

void PodNetwork::CollectPlugins(const std::vector<SandboxPtr>& sandboxes) {
  PluginNetwork::Options options = options_.plugins;
  options.timeout_ms = kCollectTimeoutMs;
  Result<PluginNetwork> plugins = PluginNetwork::Load(options);
  if (!plugins) return;  // none, or a file that the next Status complains about
  std::vector<std::string> live;
  for (const SandboxPtr& sandbox : sandboxes) {
    if (sandbox->record().Read([](const SandboxRecord& r) { return r.plugins.has_value(); }))
      live.push_back(sandbox->id());
  }
  if (Result<> collected = plugins->Collect(live); !collected) {
    log_.Log(LogLevel::kWarning, "network plugins did not clean up",
             {{"network", plugins->list().name}, {"error", collected.error().ToString()}});
  }
}

}  // namespace davit
