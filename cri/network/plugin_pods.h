// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods whose network is made by plugins.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/plugin.h"
#include "cri/network/pod_network.h"

namespace davit {

// Thread-safe: it holds settings only.
class PluginPods {
 public:
  struct Options {
    PluginNetwork::Options plugins;
    std::string pin_dir = "/run/netns";  // plugins get a path to the pod's network namespace: in here
    int status_timeout_ms = 10'000;      // for each plugin's STATUS
    int collect_timeout_ms = 5'000;      // for each plugin's GC; a start of the daemon waits for it
  };

  explicit PluginPods(Options options) : options_(std::move(options)) {}

  // The configuration in force; kNotFound when there is none.
  Result<PluginList> InForce() const { return LoadPluginList(options_.plugins.conf_dir); }

  // As PodNetwork's.
  Result<> Attach(const runtime::v1::PodSandboxConfig& config, int netns_fd, SandboxRecord& record) const;
  std::vector<LinkCounters> Counters(const std::string& id) const;

  enum class Attempt : uint8_t { kMayRepeat, kLast };
  // As PodNetwork's. A plugin that could still succeed later is an error, unless this attempt is the last
  // one.
  Result<Leftovers> Detach(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                           Attempt attempt) const;

  // Whether the plugins in force could give a pod its network. `interrupt_fd` as in PluginNetwork::Options.
  Result<> Check(int interrupt_fd) const;

  // Lets the plugins in force remove what they hold for other pods than these (GC). No pod may come or go
  // meanwhile.
  Result<> Collect(const std::vector<std::string>& live) const;

 private:
  Result<PluginPod> Describe(const runtime::v1::PodSandboxConfig& config, const std::string& id) const;
  Result<Leftovers> RunDelete(const runtime::v1::PodSandboxConfig& config, const SandboxRecord& record,
                              Attempt attempt) const;
  Result<std::vector<LinkCounters>> LookInside(const std::string& id) const;

  const Options options_;
};

}  // namespace davit
