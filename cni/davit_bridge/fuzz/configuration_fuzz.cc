// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a network configuration of davit-bridge, and as a result of another plugin. The first byte
// chooses.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cni/davit_bridge/address_choice.h"
#include "cni/davit_bridge/host_bridge.h"
#include "cni/davit_bridge/network_config.h"
#include "cni/davit_bridge/result.h"
#include "cni/davit_bridge/versions.h"

namespace davit::cni {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// What is accepted names a directory and a table, and its addresses can be chosen.
void ReadConfiguration(const std::string& text) {
  Result<NetworkConfig> config = ParseNetworkConfig(text);
  if (!config) return;
  Require(!config->name.empty() && !config->name.contains('/') && !config->name.starts_with('.'));
  Result<std::vector<ResultAddress>> chosen = ChooseAddresses(config->ipam, {}, {}, {});
  if (chosen) {
    for (const ResultAddress& address : *chosen) Require(address.address != *address.gateway);
    Require(SubnetsOf(*config, *chosen).size() == ConfiguredSubnets(*config).size());
  }
}

void ReadResult(const std::string& text) {
  Result<CniResult> result = ParseResult(text, "result");
  if (!result) return;
  for (std::string_view version : kVersions)
    Require(ParseResult(PrintResult(*result, version), "again").has_value());
}

}  // namespace
}  // namespace davit::cni

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] % 2 == 0 ? davit::cni::ReadConfiguration(text) : davit::cni::ReadResult(text);
  return 0;
}
