// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Network configuration files of the Container Network Interface
// (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md, section 1).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cni/host_ports.h"

namespace davit {

// One link of the chain.
struct PluginConfig {
  std::string type;  // the program's file name
  std::string json;  // its object in the file, with the network's name and version added; keys sorted
  bool port_mappings = false;  // it declares the capability "portMappings"
};

struct PluginList {
  std::string file;
  std::string name;
  std::string version;  // cniVersion
  std::string text;     // of the whole file
  bool disable_gc = false;
  std::vector<PluginConfig> plugins;

  // Version at least major.minor.
  bool IsAtLeast(int major, int minor) const;
  // Whether this plugin is one of its own: the same type with the same settings in a network of the same
  // name.
  bool Has(const PluginConfig& plugin) const;
};

// Reads the first file of the directory by name that ends in .conflist, .conf or .json; the latter two hold a
// single plugin. kNotFound when there is none. A bad file is an error that names it: skipping it would give
// pods another network than the one that is meant.
Result<PluginList> LoadPluginList(const std::string& conf_dir);

// `text` as a file with this name would hold it.
Result<PluginList> ParsePluginList(const std::string& file, const std::string& text);

// What goes to a plugin's standard input. `previous` is the JSON of the result so far; what is not an object
// is left out.
std::string PluginInput(const PluginConfig& plugin, const std::vector<PortMapping>& ports,
                        const std::string& previous);

// The same for GC: whatever is not of these containers' `interface` is to go.
std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface);

}  // namespace davit
