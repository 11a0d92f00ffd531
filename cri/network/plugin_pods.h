// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The network of pods that CNI plugins set up.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cni/plugin.h"
#include "cni/plugin_source.h"
#include "cri/network/pod_network.h"

namespace davit::cri {

// Thread-safe.
class PluginPods {
 public:
  struct Options {
    std::string conf_dir = "/etc/cni/net.d";
    cni::PluginNetwork::Options plugins;
    std::string pin_dir = "/run/netns";  // has a bind mount of each pod's network namespace, for plugins
    int status_timeout_ms = 10'000;      // for each plugin's STATUS
    int collect_timeout_ms = 5'000;      // for each plugin's GC and late DEL; delays the daemon's start
  };

  explicit PluginPods(const Options& options) : options_(options), source_(options.conf_dir) {}

  // The configuration in force now, and what is wrong with a newer one.
  cni::PluginSource::Reading Configuration() { return source_.Read(); }

  // As in PodNetwork. Returns why the result cache does not have the result, if so: other programs then do
  // not know of the pod, but it works.
  Result<std::optional<Error>> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd,
                                      SandboxRecord& record) const;
  std::vector<cni::LinkCounters> Counters(const std::string& id) const;

  enum class Attempt : uint8_t { kMayRepeat, kLast };
  // As in PodNetwork. The failure of a plugin that may succeed later is an error, unless the attempt is
  // kLast.
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                           Attempt attempt);

  // Asks the plugins that have attached the pod whether its network still is as they made it (CHECK).
  // `interrupt_fd` as in PluginNetwork::Options.
  Result<> CheckPod(const RecordedPod& pod, int interrupt_fd) const;

  // Whether these plugins could give a pod its network. `interrupt_fd` as in PluginNetwork::Options.
  Result<> Check(const cni::PluginList& plugins, int interrupt_fd) const;

  // Lets these plugins remove resources of all pods except `live` (GC). No pod may be created or removed
  // during the call.
  Result<> Collect(const cni::PluginList& plugins, const std::vector<std::string>& live) const;

  // Takes down pods that the result cache has from this daemon (`cache_owner`), except `live`: those that a
  // Detach left behind, and those whose records are lost. Each is tried once, unless a plugin does not
  // answer. Returns the failures.
  Leftovers CollectCached(const std::vector<std::string>& live) const;

 private:
  cni::PluginPod Describe(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record) const;
  cni::PluginNetwork::Options OptionsFor(int timeout_ms, int interrupt_fd) const;
  std::vector<cni::FailedDelete> DeleteCached(const cni::CachedAttachment& cached, Leftovers& failures) const;
  Result<Leftovers> RunDelete(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                              Attempt attempt);
  Result<std::vector<cni::LinkCounters>> LookInside(const std::string& id) const;

  const Options options_;
  cni::PluginSource source_;
};

}  // namespace davit::cri
