// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From what there is of a project, and what it is to be, to the steps between: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/compose/model/project.h"

namespace davit::cli::compose {

// A container of the project at the node.
struct ContainerNow {
  std::string id = {};
  std::string name = {};
  std::string service = {};
  int64_t number = 0;  // from 1 on, within its service
  std::string hash = {};
  std::string image_id = {};
  bool one_off = false;  // of `compose run`
  bool running = false;  // or waits for its next start
};

struct ProjectNow {
  std::vector<ContainerNow> containers = {};
  std::set<std::string> networks = {};  // all names at the node
  std::set<std::string> volumes = {};
};

enum class Recreate : uint8_t { kIfChanged, kAlways, kNever };

struct UpChoice {
  std::vector<std::string> services = {};  // in the order of their dependencies
  // Those whose containers are recreated as `recreate` says; the others are as with kIfChanged.
  std::set<std::string> named = {};
  Recreate recreate = Recreate::kIfChanged;
  bool remove_orphans = false;
  std::map<std::string, int64_t> scale = {};  // other numbers than the project's
};

// What the services are to be made of now.
struct Wanted {
  std::map<std::string, std::string> hashes = {};  // by service
  std::map<std::string, std::string> images = {};  // ids, by service; missing: not known
};

enum class Step : uint8_t {
  kKeep,      // it runs as it is
  kStart,     // it is there, and does not run
  kRestart,   // a service that it depends on has changed
  kRecreate,  // remove it, and make and start one with the same name
  kCreate,
  kRemove,
};

struct ContainerStep {
  Step step = Step::kKeep;
  int64_t number = 0;
  std::string name = {};
  std::string id = {};  // empty for kCreate
};

struct ServiceSteps {
  std::string service = {};
  std::vector<ContainerStep> steps = {};  // removals first, then by number
};

struct UpPlan {
  std::vector<std::string> networks = {};  // keys of those to be made
  std::vector<std::string> volumes = {};
  std::vector<ServiceSteps> services = {};  // in the order of the choice
  std::vector<ContainerNow> orphans = {};   // of services that the project does not have
  bool remove_orphans = false;
};

// kFailedPrecondition if an external network or volume does not exist.
Result<UpPlan> PlanUp(const Project& project, const ProjectNow& now, const Wanted& wanted,
                      const UpChoice& choice);

// "web-1" of the project "shop" is "shop-web-1", unless the service has a container_name.
std::string ContainerName(const Project& project, const Service& service, int64_t number);

}  // namespace davit::cli::compose
