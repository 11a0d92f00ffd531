// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A Compose project: what its files say, with all that is left out filled in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/compose/model/interpolation.h"
#include "cli/compose/model/value.h"

namespace davit::cli::compose {

enum class Condition : uint8_t { kStarted, kHealthy, kCompleted };

struct Dependency {
  std::string service = {};
  Condition condition = Condition::kStarted;
  bool required = true;  // else: only if it is part of the project
  bool restart = false;  // this service is restarted with that one
};

struct Service {
  std::string name = {};
  Value definition = {};  // canonical; environment has the variables of env_file
  std::vector<Dependency> dependencies = {};
  int64_t scale = 1;  // containers

  std::string Text(std::string_view key) const { return definition.TextOf(key); }
  bool Has(std::string_view key) const { return definition.Find(key) != nullptr; }
};

struct Network {
  std::string name = {};  // at the node
  bool external = false;  // somebody else makes it
  bool internal = false;
  std::vector<std::string> subnets = {};
  std::vector<std::string> gateways = {};
  std::map<std::string, std::string> labels = {};
};

struct Volume {
  std::string name = {};  // at the node
  bool external = false;
  std::map<std::string, std::string> labels = {};
};

// A secret or a config: a file of the host, or a text.
struct FileSource {
  std::string file = {};
  std::optional<std::string> content = {};
};

struct Project {
  std::string name = {};
  std::string directory = {};           // absolute
  std::vector<std::string> files = {};  // absolute; "-": standard input
  Value document = {};                  // all services of the chosen profiles, as `config` prints them
  std::map<std::string, Service> services = {};
  std::map<std::string, std::string> idle = {};  // services of other profiles, with one of these
  std::map<std::string, Network> networks = {};  // the ones that services use, by their keys; so below
  std::map<std::string, Volume> volumes = {};
  std::map<std::string, FileSource> secrets = {};
  std::map<std::string, FileSource> configs = {};
  std::set<std::string> unset = {};  // variables without a value

  // A service that there is.
  const Service& Named(const std::string& service) const { return services.find(service)->second; }

  // The services and all that they depend on, each after what it depends on. No names: all.
  // kNotFound if the project has no such service.
  Result<std::vector<std::string>> InOrder(const std::vector<std::string>& names,
                                           bool with_dependencies = true) const;
};

}  // namespace davit::cli::compose
