// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a CreateContainer request to the container's record, plan included.
#pragma once

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"
#include "cri/host/cdi/registry.h"
#include "cri/pods/pod_table.h"
#include "cri/runtime/confinement.h"
#include "cri/runtime/pod_directories.h"
#include "images/image_record.h"

namespace davit {

// Thread-safe.
class ContainerPlanner {
 public:
  // All outlive the object.
  struct Ports {
    const PodTable& pods;
    Confinement& confinement;
    const PodDirectories& files;
    const cdi::Registry& cdi;
    const HostFacts& facts;
  };
  explicit ContainerPlanner(const Ports& ports) : ports_(ports) {}

  // The record of a created container without its image volumes. Everything that can be wrong without asking
  // the kernel to make something fails here.
  Result<ContainerRecord> Plan(const Sandbox& sandbox, const ::runtime::v1::ContainerConfig& config,
                               const ImageRecord& image) const;

  // The container whose PID namespace `config` asks for (NamespaceMode TARGET): one of the same sandbox.
  Result<ContainerPtr> TargetOf(const Sandbox& sandbox, const ::runtime::v1::ContainerConfig& config) const;

 private:
  // What the CDI devices that `config` names change in its container.
  Result<std::vector<cdi::Edits>> CdiEditsOf(const ::runtime::v1::ContainerConfig& config) const;

  const Ports ports_;
};

// What the kubelet compares: a repository digest where the image has one.
std::string ImageRefOf(const ImageRecord& image);

}  // namespace davit
