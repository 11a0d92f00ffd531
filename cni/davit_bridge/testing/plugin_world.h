// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: runs davit-bridge and other plugins as a runtime does, in the network namespaces of
// NetworkTest.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cni/testing/test_world.h"

namespace davit::cni {

// What one run of a plugin gave.
struct Ran {
  int status = -1;  // exit status
  std::string output;
  std::string diagnostics;

  nlohmann::json json() const { return nlohmann::json::parse(output, nullptr, /*allow_exceptions=*/false); }
  int code() const { return json().value("code", 0); }
  std::string message() const { return json().value("msg", ""); }
};

struct Container {
  std::string id;
  NetNs ns;

  std::string netns() const;  // a path of this process's descriptor
};

class DavitBridgeTest : public NetworkTest {
 protected:
  using Json = nlohmann::json;
  static constexpr Protocol kTcp = Protocol::kTcp, kUdp = Protocol::kUdp;

  void SetUp() override;
  void TearDown() override;

  // A network with both families, its own bridge "cni7" and a state directory of this test.
  Json Network() const;
  static Container NewContainer();

  // Runs a command for eth0 of the container. `more` are further environment variables, which win.
  Ran Run(const std::string& command, const Container& container, const Json& network,
          const std::vector<std::string>& more = {}) const;
  // The same with another plugin, of Debian's.
  Ran RunOther(const std::string& plugin, const std::string& command, const Container& container,
               const Json& network) const;
  // Runs ADD, which must succeed, and returns its result.
  Json Add(const Container& container, const Json& network, const std::vector<std::string>& more = {}) const;
  void Delete(const Container& container, const Json& network) const;

  // The pod's address of a family in a result, without the prefix length.
  static std::string AddressIn(const Json& result, size_t index = 0);

  // What is left on the host: leases, links of containers and elements of maps, as text; empty if nothing is.
  std::string Left(const Json& network) const;
  std::vector<std::string> Leases(const std::string& network = "pods") const;

  std::string dir_;  // scratch

  static constexpr char kOtherPlugins[] = "/usr/lib/cni";

 private:
  Ran RunProgramAt(const std::string& program, const std::string& command, const Container& container,
                   const Json& network, const std::vector<std::string>& more) const;
};

}  // namespace davit::cni
