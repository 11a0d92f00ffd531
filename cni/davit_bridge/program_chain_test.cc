// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process, together with the plugins of containernetworking/plugins: an IPAM plugin behind
// it, and others before and after it in a chain.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "cni/davit_bridge/testing/plugin_world.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ProgramChain : public DavitBridgeTest {
 protected:
  void SetUp() override {
    DavitBridgeTest::SetUp();
    if (!std::filesystem::exists(std::string(kOtherPlugins) + "/host-local"))
      GTEST_SKIP() << "needs the package containernetworking-plugins";
  }

  // What Debian's plugins speak.
  Json OldNetwork() const {
    Json network = Network();
    network["cniVersion"] = "1.0.0";
    return network;
  }

  Json WithHostLocal() const {
    Json network = OldNetwork();
    network["ipam"]["type"] = "host-local";
    network["ipam"]["dataDir"] = dir_ + "/host-local";
    network["ipam"]["routes"] = Json::parse(R"([{"dst": "198.51.100.0/24"}])");
    return network;
  }

  // An IPAM plugin that is a script.
  void Script(const std::string& name, const std::string& body) const {
    std::ofstream(dir_ + "/" + name) << "#!/bin/sh\n" << body << "\n";
    ASSERT_EQ(chmod((dir_ + "/" + name).c_str(), 0755), 0);
  }

  // The files of host-local that name a container.
  size_t HostLocalLeases() const {
    size_t count = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/host-local/pods", error))
      if (std::string name = entry.path().filename(); name.starts_with("10.97.") || name.starts_with("fd00"))
        ++count;
    return count;
  }
};

TEST_F(ProgramChain, HostLocalChoosesTheAddresses) {
  Container one = NewContainer(), two = NewContainer();
  Json network = WithHostLocal();
  Json first = Add(one, network), second = Add(two, network);
  EXPECT_THAT(AddressIn(first), StartsWith("10.97.0."));
  EXPECT_EQ(HostLocalLeases(), 4u);
  EXPECT_THAT(one.ns.Shell("ip route"), HasSubstr("198.51.100.0/24 via 10.97.0.1 dev eth0"));
  for (size_t family : {0, 1}) {
    Endpoint server = Serve(two.ns, kTcp, Ip(AddressIn(second, family)));
    EXPECT_EQ(Call(one.ns, kTcp, server, AddressIn(second, family), server.port), AddressIn(first, family));
  }
  Json check = network;
  check["prevResult"] = first;
  Ran checked = Run("CHECK", one, check);
  EXPECT_EQ(checked.status, 0) << checked.output;
  Delete(one, network);
  Delete(two, network);
  EXPECT_EQ(HostLocalLeases(), 0u);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramChain, AFailureGivesTheAddressesBack) {
  host_->Shell("ip link add cni7 type bridge");
  Ran ran = Run("ADD", NewContainer(), WithHostLocal());
  EXPECT_THAT(ran.message(), HasSubstr("cni7"));
  EXPECT_EQ(HostLocalLeases(), 0u);
  EXPECT_EQ(Left(WithHostLocal()), "");
}

TEST_F(ProgramChain, ASecondAddKeepsTheAddressesOfTheFirst) {
  Container container = NewContainer();
  Add(container, WithHostLocal());
  EXPECT_THAT(Run("ADD", container, WithHostLocal()).message(), HasSubstr("already"));
  EXPECT_EQ(HostLocalLeases(), 2u);
  Delete(container, WithHostLocal());
}

TEST_F(ProgramChain, PassesOnWhatTheOtherPluginSays) {
  Json network = Network();
  network["ipam"] = {{"type", "no-such-plugin"}};
  EXPECT_THAT(Run("ADD", NewContainer(), network).message(),
              AllOf(HasSubstr("no-such-plugin"), HasSubstr(dir_)));
  network["ipam"]["type"] = "busy";
  Script("busy", R"(echo '{"cniVersion": "1.1.0", "code": 11, "msg": "the server is busy"}'; exit 1)");
  Ran busy = Run("ADD", NewContainer(), network);
  EXPECT_EQ(busy.code(), 11) << busy.output;
  EXPECT_THAT(busy.message(), HasSubstr("the server is busy"));
  network["ipam"]["type"] = "silent";
  Script("silent", "echo it broke >&2; exit 3");
  EXPECT_THAT(Run("ADD", NewContainer(), network).message(), HasSubstr("it broke"));
  network["ipam"]["type"] = "empty";
  Script("empty", R"(echo '{"cniVersion": "1.1.0"}')");
  EXPECT_THAT(Run("ADD", NewContainer(), network).message(), HasSubstr("no address"));
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramChain, TheOtherPluginGetsEveryCommandWithTheWholeInput) {
  Json network = Network();
  network["ipam"] = {{"type", "recorder"}, {"own", "key"}};
  network["cni.dev/valid-attachments"] = Json::array();
  Script("recorder", "{ echo $CNI_COMMAND $CNI_IFNAME; cat; echo; } >> " + dir_ + R"(/log
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.97.0.9/24"}]}')");
  Container container = NewContainer();
  Json result = Add(container, network);
  EXPECT_EQ(result["ips"][0]["address"], "10.97.0.9/24");
  Json check = network;
  check["prevResult"] = result;
  EXPECT_EQ(Run("CHECK", container, check).status, 0);
  EXPECT_EQ(Run("STATUS", container, network).status, 0);
  Delete(container, network);
  EXPECT_EQ(Run("GC", container, network).status, 0);
  std::string log = ReadFile(dir_ + "/log").value();
  for (const char* command : {"ADD eth0", "CHECK eth0", "STATUS", "DEL eth0", "GC"})
    EXPECT_THAT(log, HasSubstr(command));
  EXPECT_THAT(log, HasSubstr(R"("own":"key")"));
}

TEST_F(ProgramChain, TheBridgeKeepsTheFamilyThatTheLastContainerDoesNotUse) {
  Json network = Network();
  network["ipam"] = {{"type", "families"}};
  Script("families", R"([ "$CNI_COMMAND" = ADD ] || exit 0
case $CNI_ARGS in *six*) ip=fd00:97::9/64;; *) ip=10.97.0.9/24;; esac
echo "{\"cniVersion\": \"1.1.0\", \"ips\": [{\"address\": \"$ip\"}]}")");
  Container four = NewContainer(), six = NewContainer();
  Json of_four = network, of_six = network;
  of_four["prevResult"] = Add(four, network);
  of_six["prevResult"] = Add(six, network, {"CNI_ARGS=IgnoreUnknown=1;FAMILY=six"});
  EXPECT_THAT(host_->Shell("ip address show cni7"),
              AllOf(HasSubstr("10.97.0.1/24"), HasSubstr("fd00:97::1/64")));
  Ran checked = Run("CHECK", four, of_four);
  EXPECT_EQ(checked.status, 0) << checked.output;
  checked = Run("CHECK", six, of_six);
  EXPECT_EQ(checked.status, 0) << checked.output;
  Delete(four, network);
  Delete(six, network);
}

// Another run starts while the IPAM plugin gives the addresses back.
TEST_F(ProgramChain, ARebuildDuringDelDoesNotOpenThePortsAgain) {
  Json network = Network();
  network["ipam"] = {{"type", "between"}};
  Script("between", R"(case $CNI_COMMAND:$CNI_CONTAINERID in
ADD:next) echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.97.0.8/24"}]}';;
ADD:*) echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.97.0.9/24"}]}';;
DEL:next) ;;
DEL:*) nft flush ruleset
  CNI_COMMAND=ADD CNI_CONTAINERID=next CNI_NETNS=$NEXT )" DAVIT_BRIDGE_PROGRAM " < " +
                        dir_ + R"(/network > /dev/null
  nft list table inet cni-pods > )" +
                        dir_ + "/table;;\nesac");
  std::ofstream(dir_ + "/network") << network;
  Json with_port = network;
  with_port["runtimeConfig"]["portMappings"] =
      Json::parse(R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])");
  Container container = NewContainer(), next = NewContainer();
  next.id = "next";
  Add(container, with_port);
  Ran ran = Run("DEL", container, with_port, {"NEXT=" + next.netns()});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ReadFile(dir_ + "/table").value(), AllOf(HasSubstr("hostports4"), Not(HasSubstr("10.97.0.9"))));
  Delete(next, network);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramChain, PortmapAndTuningWorkBehindIt) {
  Container container = NewContainer();
  Json result = Add(container, OldNetwork());
  Json portmap = {{"cniVersion", "1.0.0"}, {"name", "pods"}, {"type", "portmap"}, {"prevResult", result}};
  portmap["runtimeConfig"]["portMappings"] =
      Json::parse(R"([{"hostPort": 8081, "containerPort": 80, "protocol": "tcp"}])");
  Json tuning = {{"cniVersion", "1.0.0"},
                 {"name", "pods"},
                 {"type", "tuning"},
                 {"dataDir", dir_ + "/tuning"},
                 {"sysctl", {{"net.core.somaxconn", "500"}}},
                 {"mtu", 1300}};
  Ran mapped = RunOther("portmap", "ADD", container, portmap);
  ASSERT_EQ(mapped.status, 0) << mapped.output;
  tuning["prevResult"] = mapped.json();
  Ran tuned = RunOther("tuning", "ADD", container, tuning);
  ASSERT_EQ(tuned.status, 0) << tuned.output;
  Endpoint server = Serve(container.ns, kTcp, Ip("0.0.0.0"), 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8081), "192.0.2.2");
  EXPECT_THAT(container.ns.Shell("ip link show eth0; sysctl -n net.core.somaxconn"),
              AllOf(HasSubstr("mtu 1300"), HasSubstr("500")));
  Json check = OldNetwork();
  check["prevResult"] = tuned.json();
  Ran checked = Run("CHECK", container, check);
  EXPECT_EQ(checked.status, 0) << checked.output;
  EXPECT_EQ(RunOther("tuning", "DEL", container, tuning).status, 0);
  EXPECT_EQ(RunOther("portmap", "DEL", container, portmap).status, 0);
  Delete(container, OldNetwork());
  EXPECT_EQ(Left(OldNetwork()), "");
}

}  // namespace
}  // namespace davit::cni
