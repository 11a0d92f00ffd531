// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database rows of sandboxes and containers: one message of base/codec.h per row. Decode returns
// kDataLoss for a row that cannot be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error.h"

namespace davit::cri {

// A record is written before the first kernel object is created and deleted after the last one is removed, so
// everything that a crash leaves behind has a record.
enum class SandboxPhase : uint8_t {
  kCreating = 0,
  kReady = 1,
  kNotReady = 2,  // being stopped or failed: may still have kernel objects
  kStopped = 3,   // has only its record and its files
};
constexpr SandboxPhase LastOf(SandboxPhase) {
  return SandboxPhase::kStopped;
}

// Who made a sandbox. The CRI lists and touches its own only: a kubelet ends every pod that it does not know.
enum class Owner : uint8_t {
  kCri = 0,    // the kubelet, crictl
  kLocal = 1,  // people at this node, through davit.v1 (local/)
  // Somebody whom only a newer release knows: nobody here sees or touches the sandbox. Never in a record.
  kUnknown = 255,
};
constexpr Owner LastOf(Owner) {
  return Owner::kLocal;
}

// The network plugins of a sandbox. The configuration that set up its network is also used to remove it.
struct PluginLease {
  std::string file;    // path of the configuration
  std::string config;  // its text
  std::string result;  // the plugins' result in JSON; empty before Attach

  auto Fields() { return FieldList(Field<1>(file), Field<2>(config), Field<3>(result)); }
};

struct SandboxRecord {
  std::string id;
  std::string config;  // runtime.v1.PodSandboxConfig; in rows only: in memory the Sandbox has it
  std::string runtime_handler;
  SandboxPhase phase = SandboxPhase::kCreating;
  std::string reason;  // why it failed; empty if it was stopped by request
  int64_t created_at = 0;
  std::vector<std::string> addresses;  // IPv4 first; leased from the bridge, unless `plugins` is set
  std::optional<PluginLease> plugins;  // absent: the built-in bridge, or the host's network
  std::string host_interface;
  std::string mac;
  std::string cgroup_parent;       // of its containers, relative to every hierarchy's root
  bool own_cgroup_parent = false;  // true: created and removed by the daemon; false: the kubelet's
  int32_t shim_pid = 0;
  uint64_t shim_start_time = 0;
  std::string shim_boot_id;
  std::string selinux_level;  // of its containers; empty: the host has no SELinux
  Owner owner = Owner::kCri;  // also of its containers
  std::string network;        // the id of a user network; empty: the node's network, or the host's

  auto Fields() {
    return FieldList(Field<1>(id), Field<2>(config), Field<3>(runtime_handler), Field<4>(phase),
                     Field<5>(reason), Field<6>(created_at), Field<7>(addresses), Field<8>(plugins),
                     Field<9>(host_interface), Field<10>(mac), Field<11>(cgroup_parent),
                     Field<12>(own_cgroup_parent), Field<13>(shim_pid), Field<14>(shim_start_time),
                     Field<15>(shim_boot_id), Field<16>(selinux_level), Field<kMustUnderstand>(owner),
                     Field<kMustUnderstand + 1>(network));
  }
};

enum class ContainerPhase : uint8_t { kCreated = 0, kStarting = 1, kRunning = 2, kExited = 3, kRemoving = 4 };
constexpr ContainerPhase LastOf(ContainerPhase) {
  return ContainerPhase::kRemoving;
}

// One of a container's image volumes (KEP-4639).
struct ImageVolumeRecord {
  std::string image_ref;               // as in ContainerRecord
  std::vector<std::string> chain_ids;  // of the image's layers, bottom first

  auto Fields() { return FieldList(Field<1>(image_ref), Field<2>(chain_ids)); }
};

struct ContainerRecord {
  std::string id;
  std::string sandbox_id;
  std::string config;  // runtime.v1.ContainerConfig; in rows only: in memory the Container has it
  std::string image_id;
  std::string image_ref;                         // a repository digest, or the image id when it has none
  std::vector<std::string> chain_ids;            // of the image's layers, bottom first
  std::vector<ImageVolumeRecord> image_volumes;  // in the order of the request
  // ContainerPlan. It has the environment a second time, in memory as well, so that an exec reads no row.
  std::string plan;
  std::string resources;  // runtime.v1.LinuxContainerResources as last updated; empty: as in config
  std::string cgroup_path;
  std::string log_path;  // absolute; empty: output is dropped
  int32_t stop_signal = 15;
  ContainerPhase phase = ContainerPhase::kCreated;
  bool lost = false;  // its end was not observed: exit code 255, reason Unknown
  bool oom_killed = false;
  int64_t created_at = 0;  // nanoseconds since 1970, like all times
  int64_t started_at = 0;
  int64_t finished_at = 0;
  int32_t exit_code = 0;
  std::string reason;
  std::string message;
  int32_t pid = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  // The id of a writable layer that is made for the first of several containers that use it, one after the
  // other, and that stays when they are removed. Absent: the container has its own, with its own id.
  std::optional<std::string> kept_layer;

  const std::string& WritableLayer() const { return kept_layer ? *kept_layer : id; }
  // The layers of the image and of all image volumes.
  std::vector<std::string> AllLayers() const {
    std::vector<std::string> layers = chain_ids;
    for (const ImageVolumeRecord& volume : image_volumes)
      layers.insert(layers.end(), volume.chain_ids.begin(), volume.chain_ids.end());
    return layers;
  }

  auto Fields() {
    return FieldList(Field<1>(id), Field<2>(sandbox_id), Field<3>(config), Field<4>(image_id),
                     Field<5>(image_ref), Field<6>(chain_ids), Field<7>(image_volumes), Field<8>(plan),
                     Field<9>(resources), Field<10>(cgroup_path), Field<11>(log_path), Field<12>(stop_signal),
                     Field<13>(phase), Field<14>(lost), Field<15>(oom_killed), Field<16>(created_at),
                     Field<17>(started_at), Field<18>(finished_at), Field<19>(exit_code), Field<20>(reason),
                     Field<21>(message), Field<22>(pid), Field<23>(uid), Field<24>(gid), Field<25>(groups),
                     Field<26>(kept_layer));
  }
};

}  // namespace davit::cri
