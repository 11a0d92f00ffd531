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
  std::string type;            // the program's file name
  std::string json;            // its object in the file, with the network's name and version added
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
};

// Reads the first file of the directory by name that ends in .conflist, .conf or .json; the latter two hold a
// single plugin. kNotFound when there is none. A bad file is an error that names it: skipping it would give
// pods another network than the one that is meant.
Result<PluginList> LoadPluginList(const std::string& conf_dir);

// `text` as a file with this name would hold it.
Result<PluginList> ParsePluginList(const std::string& file, const std::string& text);

// What goes to a plugin's standard input. `previous` is the JSON of the result so far, or empty.
std::string PluginInput(const PluginConfig& plugin, const std::vector<PortMapping>& ports,
                        const std::string& previous);

// The same for GC: whatever is not of these containers' `interface` is to go.
std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface);

// The pod's addresses in a result, of versions 0.3.0 to 1.1.0; IPv4 first. Addresses of interfaces outside
// the pod are left out.
Result<std::vector<IpAddress>> AddressesInResult(const std::string& result);

// A plugin's answer on failure as an error: the object of section 5 if `output` is one, else what it wrote to
// stderr.
Error PluginFailure(const std::string& type, const std::string& command, const std::string& output,
                    const std::string& diagnostics);

}  // namespace davit
