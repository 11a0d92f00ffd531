// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Builds a container's record, including its plan, from a CreateContainer request.
#pragma once

#include <set>
#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/clock.h"
#include "base/error.h"
#include "cri/host/cdi/registry.h"
#include "cri/host/cgroup/placement.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/confinement.h"
#include "cri/runtime/container_extras.h"
#include "cri/runtime/pod_directories.h"
#include "images/image_record.h"

namespace davit::cri {

// Thread-safe.
class ContainerPlanner {
 public:
  // All must outlive the object.
  struct Ports {
    const PodTable& pods;
    const CgroupPlacement& placement;
    Confinement& confinement;
    const PodDirectories& files;
    const cdi::Registry& cdi;
    const HostFacts& facts;
    const Clock& clock;
  };
  explicit ContainerPlanner(const Ports& ports) : ports_(ports) {}

  // The record of a created container, without its image volumes. Detects all errors that can be found
  // without creating kernel objects for the container.
  Result<ContainerRecord> Plan(const Sandbox& sandbox, const ::runtime::v1::ContainerConfig& config,
                               const images::ImageRecord& image, const ContainerExtras& extras) const;
  // Those errors, for a container of a pod that is not made yet.
  Result<> Check(const ::runtime::v1::PodSandboxConfig& pod, const ::runtime::v1::ContainerConfig& config,
                 const images::ImageRecord& image, const ContainerExtras& extras) const;

  // The container whose PID namespace `config` requests (NamespaceMode TARGET). kInvalidArgument if it is in
  // another sandbox.
  Result<ContainerPtr> TargetOf(const Sandbox& sandbox, const ::runtime::v1::ContainerConfig& config) const;

 private:
  // The edits of the CDI devices in `config`.
  Result<std::vector<cdi::Edits>> CdiEditsOf(const ::runtime::v1::ContainerConfig& config) const;

  const Ports ports_;
};

// The image's digest in the repository that the client asked for, else in any repository, else the image id.
std::string ImageRefOf(const images::ImageRecord& image, const ::runtime::v1::ImageSpec& asked);

}  // namespace davit::cri
