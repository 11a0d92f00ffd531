// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/testing/plugin_world.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/ids.h"
#include "base/run_program.h"
#include "cni/host_port_maps.h"

namespace davit::cni {
namespace {

std::string NameOf(const std::string& variable) {
  return variable.substr(0, variable.find('='));
}

}  // namespace

std::string Container::netns() const {
  return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(ns.fd());
}

void DavitBridgeTest::SetUp() {
  NetworkTest::SetUp();
  std::string name = std::filesystem::temp_directory_path() / "davit-bridge-XXXXXX";
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  dir_ = name;
}

void DavitBridgeTest::TearDown() {
  NetworkTest::TearDown();
  std::filesystem::remove_all(dir_);
}

nlohmann::json DavitBridgeTest::Network() const {
  Json network =
      Json::parse(R"({"cniVersion": "1.1.0", "name": "pods", "type": "davit-bridge", "bridge": "cni7",
    "isDefaultGateway": true, "ipMasq": true,
    "ipam": {"ranges": [[{"subnet": "10.97.0.0/16"}], [{"subnet": "fd00:97::/64"}]]}})");
  network["dataDir"] = dir_ + "/state";
  return network;
}

Container DavitBridgeTest::NewContainer() {
  return {NewId().value(), NetNs::Make()};
}

Ran DavitBridgeTest::RunProgramAt(const std::string& program, const std::string& command,
                                  const Container& container, const Json& network,
                                  const std::vector<std::string>& more) const {
  std::vector<std::string> environment = more;
  for (const std::string& variable :
       {"CNI_COMMAND=" + command, "CNI_CONTAINERID=" + container.id, "CNI_NETNS=" + container.netns(),
        std::string("CNI_IFNAME=eth0"), "CNI_PATH=" + dir_ + ":" + kOtherPlugins,
        std::string("PATH=/usr/sbin:/usr/bin:/sbin:/bin")}) {
    bool given =
        std::ranges::any_of(more, [&](const std::string& m) { return NameOf(m) == NameOf(variable); });
    if (!given) environment.push_back(variable);
  }
  Result<ProgramOutcome> outcome = RunProgram(
      program,
      {.program = program, .args = {}, .env = environment, .input = network.dump(), .timeout_ms = 60'000});
  if (!outcome) {
    ADD_FAILURE() << outcome.error().ToString();
    return {};
  }
  return {outcome->status.code, outcome->output, outcome->diagnostics};
}

Ran DavitBridgeTest::Run(const std::string& command, const Container& container, const Json& network,
                         const std::vector<std::string>& more) const {
  return RunProgramAt(DAVIT_BRIDGE_PROGRAM, command, container, network, more);
}

Ran DavitBridgeTest::RunOther(const std::string& plugin, const std::string& command,
                              const Container& container, const Json& network) const {
  return RunProgramAt(std::string(kOtherPlugins) + "/" + plugin, command, container, network, {});
}

nlohmann::json DavitBridgeTest::Add(const Container& container, const Json& network,
                                    const std::vector<std::string>& more) const {
  Ran ran = Run("ADD", container, network, more);
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.diagnostics, "");
  return ran.json();
}

void DavitBridgeTest::Delete(const Container& container, const Json& network) const {
  Ran ran = Run("DEL", container, network);
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.output, "");
}

std::string DavitBridgeTest::AddressIn(const Json& result, size_t index) {
  std::string address = result["ips"][index].value("address", "");
  return address.substr(0, address.find('/'));
}

std::vector<std::string> DavitBridgeTest::Leases(const std::string& network) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/state/" + network + "/leases", error))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

std::string DavitBridgeTest::Left(const Json& network) const {
  std::string left;
  for (const std::string& lease : Leases(network.value("name", ""))) left += "lease " + lease + "\n";
  if (size_t links = PodLinks(); links != 0) left += std::to_string(links) + " links\n";
  if (std::string limits = host_->Shell("ip -o link show type ifb"); !limits.empty()) left += limits;
  NetlinkSocket socket = NetlinkSocket::Open(NETLINK_NETFILTER).value();
  Result<std::vector<HostPort>> ports = ListHostPorts(socket, "cni-" + network.value("name", ""));
  if (ports)
    for (const HostPort& port : *ports) left += "port " + port.ToString() + "\n";
  return left;
}

}  // namespace davit::cni
