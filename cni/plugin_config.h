// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Network configuration files of the Container Network Interface
// (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md, section 1).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/host_ports.h"

namespace davit::cni {

// One plugin of the chain.
struct PluginConfig {
  std::string type;  // the program's file name
  std::string json;  // its object in the file, with the network's name and version added; keys sorted
  bool port_mappings = false;  // it declares the capability "portMappings"
};

struct PluginList {
  std::string file;
  std::string name;
  std::string version;  // cniVersion
  std::string text;     // content of the whole file
  bool disable_gc = false;
  std::vector<PluginConfig> plugins;

  // True if the version is at least major.minor.
  bool IsAtLeast(int major, int minor) const;
  // True if the list contains this plugin: the same type and settings in a network of the same name and
  // cniVersion.
  bool Has(const PluginConfig& plugin) const;
};

// Reads the file whose name sorts first among those that end in .conflist, .conf or .json; the latter two
// contain a single plugin. kNotFound if there is none. A malformed file is an error that names it: skipping
// it would give pods another network than the intended one.
Result<PluginList> LoadPluginList(const std::string& conf_dir);

// Parses `text` as the content of `file`, whose name ending decides on the format.
Result<PluginList> ParsePluginList(const std::string& file, const std::string& text);

// Builds the standard input of a plugin. `previous` is the JSON of the result so far; it is omitted if it is
// not an object.
std::string PluginInput(const PluginConfig& plugin, const std::vector<PortMapping>& ports,
                        const std::string& previous);

// The same for GC, which releases everything except `interface` of these containers.
std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface);

}  // namespace davit::cni
