// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The pod of one run of a local container, in the CRI's words.
#pragma once

#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "cri/runtime/sandboxes.h"
#include "images/image_config.h"
#include "local/record.h"

namespace davit::local {

// Pods of local containers have this namespace in their metadata, and the container's id as uid.
inline constexpr char kPodNamespace[] = "local";
// The log's name in the container's directory.
inline constexpr char kLogName[] = "container.log";

// A volume, as a directory of the host.
struct VolumeBind {
  std::string source;
  std::string target;
  bool read_only = false;
};

struct PodRequest {
  ::runtime::v1::PodSandboxConfig pod;
  ::runtime::v1::ContainerConfig container;
  cri::NetworkWish network;  // Networks::Prepare completes it
  cri::ContainerExtras extras;
};

// One pod with one container: own network, IPC and PID namespaces, the default seccomp profile and
// capabilities, and sensitive parts of /proc and /sys hidden or read-only, unless `spec` says otherwise.
// Its writable layer, which has the container's id, survives a crash of the host unless the container is
// removed at its end. `directory` is the container's own, with its log. kInvalidArgument names the field that
// is wrong. The directories of volumes must exist at each start.
Result<PodRequest> BuildPodRequest(const ::davit::v1::ContainerSpec& spec, const LocalRecord& record,
                                   const std::string& directory, const std::vector<VolumeBind>& volumes = {});

// A limit of CPU time, in billionths of a CPU; 0: nothing is set.
void SetCpuQuota(int64_t nano_cpus, ::runtime::v1::LinuxContainerResources& resources);

// The program with its arguments: as in Docker, an entrypoint replaces the image's command, too.
// kInvalidArgument if neither the spec nor the image has a command.
Result<std::vector<std::string>> CommandLine(const ::davit::v1::ContainerSpec& spec,
                                             const images::ImageConfig& image);

}  // namespace davit::local
