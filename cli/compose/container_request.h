// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A service as a request to the daemon.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"
#include "cli/compose/model/project.h"

namespace davit::cli::compose {

// What a container is made of beside its service.
struct ContainerParts {
  std::string name = {};
  int64_t number = 1;
  bool one_off = false;   // of `compose run`
  bool publishes = true;  // the ports of the service, and its names in the network
  std::string hash = {};
  std::string image = {};
  // Files of the host with the texts of secrets and configs, by the target in the container.
  std::map<std::string, std::string> files = {};
};

// kInvalidArgument or kUnimplemented names the service and what no container of it can have.
Result<::davit::v1::CreateContainerRequest> RequestFor(const Project& project, const Service& service,
                                                       const ContainerParts& parts);

// The image of a service without one of its own: that which its build makes.
std::string ImageOf(const Project& project, const Service& service);

}  // namespace davit::cli::compose
