// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the database keeps of sandboxes and containers (base/codec.h form, one blob per row).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/codec.h"
#include "base/error.h"

namespace davit {

// Written before the first kernel object exists and deleted after the last one is gone: whatever a crash
// leaves behind has a record.
enum class SandboxPhase : uint8_t {
  kCreating,
  kReady,
  kNotReady,  // on its way down, or its shim died: may still hold kernel objects
  kStopped,   // holds nothing but its record and its files
};

// The network plugins that a sandbox has its network from: the very configuration that made it takes it down.
struct PluginLease {
  std::string file;    // where the configuration was
  std::string config;  // its text
  std::string result;  // what the plugins answered, JSON; empty until they did

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.file, s.config, s.result);
  }
};

struct SandboxRecord {
  std::string id;
  std::string
      config;  // runtime.v1.PodSandboxConfig, serialised deterministically: equal configs are equal bytes
  std::string runtime_handler;
  SandboxPhase phase = SandboxPhase::kCreating;
  std::string reason;  // why it is not ready, when nobody asked it to stop
  int64_t created_at = 0;
  std::vector<std::string> addresses;  // IPv4 first; a lease of the bridge's unless there are plugins
  std::optional<PluginLease> plugins;  // absent: the built-in bridge, or the host's network
  std::string host_interface;
  std::string mac;
  std::string cgroup_parent;       // of its containers, relative to every hierarchy's root
  bool own_cgroup_parent = false;  // ours to remove; otherwise the kubelet's
  int32_t shim_pid = 0;
  uint64_t shim_start_time = 0;
  std::string shim_boot_id;
  Appended<std::string> selinux_level;  // of its containers; empty: the host has no SELinux

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.id, s.config, s.runtime_handler, s.phase, s.reason, s.created_at, s.addresses,
                    s.plugins, s.host_interface, s.mac, s.cgroup_parent, s.own_cgroup_parent, s.shim_pid,
                    s.shim_start_time, s.shim_boot_id, s.selinux_level);
  }
};

enum class ContainerPhase : uint8_t { kCreated, kStarting, kRunning, kExited, kRemoving };

// One of a container's image volumes (KEP-4639).
struct ImageVolumeRecord {
  std::string image_ref;               // as in ContainerRecord
  std::vector<std::string> chain_ids;  // of the image's layers, bottom first

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.image_ref, s.chain_ids);
  }
};

struct ContainerRecord {
  std::string id;
  std::string sandbox_id;
  std::string config;  // runtime.v1.ContainerConfig, serialised deterministically
  std::string image_id;
  std::string image_ref;                         // a repository digest, or the image id when it has none
  std::vector<std::string> chain_ids;            // of the image's layers, bottom first
  std::vector<ImageVolumeRecord> image_volumes;  // in the order of the request
  std::string plan;                              // ContainerPlan
  std::string resources;  // runtime.v1.LinuxContainerResources as last updated; empty: as in config
  std::string cgroup_path;
  std::string log_path;  // absolute; empty: output is dropped
  int32_t stop_signal = 15;
  ContainerPhase phase = ContainerPhase::kCreated;
  bool lost = false;  // its end was not seen: exit code 255, reason Unknown
  bool oom_killed = false;
  int64_t created_at = 0;  // nanoseconds since 1970, as all times
  int64_t started_at = 0;
  int64_t finished_at = 0;
  int32_t exit_code = 0;
  std::string reason;
  std::string message;
  int32_t pid = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;

  // Of the image and of all image volumes.
  std::vector<std::string> AllLayers() const {
    std::vector<std::string> layers = chain_ids;
    for (const ImageVolumeRecord& volume : image_volumes)
      layers.insert(layers.end(), volume.chain_ids.begin(), volume.chain_ids.end());
    return layers;
  }

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.id, s.sandbox_id, s.config, s.image_id, s.image_ref, s.chain_ids, s.image_volumes,
                    s.plan, s.resources, s.cgroup_path, s.log_path, s.stop_signal, s.phase, s.lost,
                    s.oom_killed, s.created_at, s.started_at, s.finished_at, s.exit_code, s.reason, s.message,
                    s.pid, s.uid, s.gid, s.groups);
  }
};

}  // namespace davit
