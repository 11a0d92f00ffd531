// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The network of pods that CNI plugins set up.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/plugin.h"
#include "cri/network/pod_network.h"

namespace davit::cri {

// Thread-safe: the object has only settings.
class PluginPods {
 public:
  struct Options {
    cni::PluginNetwork::Options plugins;
    std::string pin_dir = "/run/netns";  // has a bind mount of each pod's network namespace, for plugins
    int status_timeout_ms = 10'000;      // for each plugin's STATUS
    int collect_timeout_ms = 5'000;      // for each plugin's GC; delays the daemon's start
  };

  explicit PluginPods(Options options) : options_(std::move(options)) {}

  // The current configuration; kNotFound if there is none.
  Result<cni::PluginList> InForce() const { return cni::LoadPluginList(options_.plugins.conf_dir); }

  // As in PodNetwork.
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record) const;
  std::vector<cni::LinkCounters> Counters(const std::string& id) const;

  enum class Attempt : uint8_t { kMayRepeat, kLast };
  // As in PodNetwork. The failure of a plugin that may succeed later is an error, unless the attempt is
  // kLast.
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                           Attempt attempt) const;

  // Whether the configured plugins could give a pod its network. `interrupt_fd` as in PluginNetwork::Options.
  Result<> Check(int interrupt_fd) const;

  // Lets the configured plugins remove resources of all pods except `live` (GC). No pod may be created or
  // removed during the call.
  Result<> Collect(const std::vector<std::string>& live) const;

 private:
  Result<cni::PluginPod> Describe(const runtime::v1::PodSandboxConfig& config, const std::string& id) const;
  Result<Leftovers> RunDelete(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                              Attempt attempt) const;
  Result<std::vector<cni::LinkCounters>> LookInside(const std::string& id) const;

  const Options options_;
};

}  // namespace davit::cri
