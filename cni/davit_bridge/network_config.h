// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The network configuration that a plugin reads from its standard input (SPEC.md of CNI v1.1.2, section 1;
// CONVENTIONS.md for `runtimeConfig` and `args`). The keys are those of the reference plugins bridge and
// host-local, as far as they are supported; README.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cni/bridge_config.h"
#include "cni/davit_bridge/ipam_config.h"
#include "cni/davit_bridge/result.h"
#include "cni/host_ports.h"
#include "cni/names.h"
#include "cni/traffic_limit.h"
#include "cni/veth.h"

namespace davit::cni {

// Reads a list of host ports, as a runtime gives it in `portMappings`; empty text is an empty list.
Result<std::vector<PortMapping>> ParsePortMappings(const std::string& json);

// What the runtime asks for in this run.
struct RuntimeWishes {
  std::vector<PortMapping> ports;
  std::string ports_json;  // the same as they were given
  std::vector<IpAddress> addresses;
  std::optional<MacAddress> mac;
  std::optional<ResultDns> dns;
  TrafficLimits limits;
};

struct AttachmentName {
  std::string container_id;
  std::string interface;

  auto operator<=>(const AttachmentName&) const = default;
};

struct NetworkConfig {
  std::string version;
  std::string name;
  BridgeConfig bridge = {};      // without subnets
  bool is_gateway = false;       // the bridge has the gateway's addresses
  bool default_gateway = false;  // and pods a default route to it
  PortOptions port = {};
  IpamConfig ipam = {};
  ResultDns dns = {};
  std::string data_dir = {};  // where the state of all networks is
  RuntimeWishes wishes = {};
  std::optional<CniResult> previous = {};                 // prevResult
  std::optional<std::vector<AttachmentName>> valid = {};  // cni.dev/valid-attachments
  std::string text = {};                                  // the whole, for delegated plugins
};

// The version that the text asks for. kInvalidArgument: not a JSON object.
Result<std::string> VersionOf(std::string_view text);

// kUnimplemented names a key with a value that is not supported, kInvalidArgument one that is wrong.
Result<NetworkConfig> ParseNetworkConfig(std::string_view text);

// What DEL and GC need: the network, its bridge, its IPAM plugin, where its state is, and the valid
// attachments. Reads nothing else, prevResult included: what was attached with another configuration, or by
// another version, must be detached, too.
Result<NetworkConfig> ParseDetachConfig(std::string_view text);

}  // namespace davit::cni
