// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Network configuration files of the Container Network Interface
// (https://github.com/containernetworking/cni/blob/v1.1.2/SPEC.md, section 1).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace davit::cni {

// What a runtime can tell plugins about a pod, by the names of capabilities
// (https://www.cni.dev/docs/conventions): the value of each is JSON.
using CapabilityArguments = std::map<std::string, std::string>;

// One plugin of the chain.
struct PluginConfig {
  std::string type;  // the program's file name
  std::string json;  // its object in the file, with the network's name and version added; keys sorted
  std::set<std::string> capabilities = {};  // that it declares
};

struct PluginList {
  std::string file;
  std::string name;
  std::string version;  // the highest of cniVersion and cniVersions that we know
  std::string text;     // content of the whole file
  bool disable_check = false;
  bool disable_gc = false;
  std::vector<PluginConfig> plugins = {};

  // True if the version is at least major.minor.
  bool IsAtLeast(int major, int minor) const;
  // True if the list contains this plugin: the same type and settings in a network of the same name and
  // cniVersion.
  bool Has(const PluginConfig& plugin) const;
};

// The newest version of the specification that we know.
inline constexpr char kNewestCniVersion[] = "1.1.0";

// Reads the file whose name sorts first among those that end in .conflist, .conf or .json; the latter two
// contain a single plugin. kNotFound if there is none. A malformed file is an error that names it, the line
// and the key: skipping it would give pods another network than the intended one.
Result<PluginList> LoadPluginList(const std::string& conf_dir);

// Parses `text` as the content of `file`, whose name ending decides on the format. The network's name starts
// with a letter or digit, and has besides these only '_', '.' and '-' (section 1.1).
Result<PluginList> ParsePluginList(const std::string& file, const std::string& text);

// Builds the standard input of a plugin. Of `arguments` it gets those whose capability it declares, as
// `runtimeConfig`. `previous` is the JSON of the result so far; it is omitted if it is not an object.
std::string PluginInput(const PluginConfig& plugin, const CapabilityArguments& arguments,
                        const std::string& previous);

// The same for GC, which releases everything except `interface` of these containers.
std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface);

}  // namespace davit::cni
