// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Containers: from the request and the image to the plan that a shim executes.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/host/cdi/spec.h"
#include "cri/spec/devices.h"
#include "cri/spec/host_facts.h"
#include "cri/spec/mounts.h"
#include "cri/spec/pod_files.h"
#include "cri/spec/process_plan.h"
#include "cri/spec/profiles.h"
#include "images/image_config.h"
#include "shim/plan.h"

namespace davit::cri {

// Groups of the program by their names in the container's /etc/group, for which the CRI has no field.
struct NamedGroups {
  std::string primary = {};  // empty: that of the request
  std::vector<std::string> supplementary = {};
};

struct ContainerInputs {
  const ::runtime::v1::PodSandboxConfig& sandbox;  // the configuration that the sandbox was created with
  const ::runtime::v1::ContainerConfig& container;
  const images::ImageConfig& image;
  PodFiles files;
  const HostFacts& host;
  std::string container_id;
  std::string selinux_level;                    // the pod's
  std::vector<cdi::Edits> cdi = {};             // of the devices that the request names
  std::set<std::string> required_sources = {};  // targets of binds whose sources are not made if missing
  std::vector<TmpfsRequest> tmpfs = {};
  NamedGroups groups = {};
  std::vector<shim::Rlimit> rlimits = {};  // instead of the host's of the same resources
};

// Reports every error that can be found without asking the kernel, so that a created container can start
// unless the kernel refuses. kInvalidArgument names the field and its value, kFailedPrecondition names the
// feature that the host lacks. Devices are looked up on the host.
Result<shim::ContainerPlan> BuildContainerPlan(const ContainerInputs& inputs);

}  // namespace davit::cri
