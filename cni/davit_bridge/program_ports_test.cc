// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process: host ports (capability portMappings).
#include <gmock/gmock.h>

#include <fstream>

#include "cni/davit_bridge/testing/plugin_world.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ProgramPorts : public DavitBridgeTest {
 protected:
  Json WithPort(const std::string& mapping) const {
    Json network = Network();
    network["runtimeConfig"]["portMappings"] = Json::array({Json::parse(mapping)});
    return network;
  }

  // The number of the rule set in the note of the last run.
  uint32_t NotedGeneration() const {
    uint64_t netns = 0;
    uint32_t generation = 0;
    std::ifstream(dir_ + "/state/pods/rules") >> netns >> generation;
    return generation;
  }
};

TEST_F(ProgramPorts, AreReachedFromOutsideTheHostAndThePodItself) {
  for (Protocol protocol : {kTcp, kUdp}) {
    std::string name(ProtocolName(protocol));
    Json network = WithPort(R"({"hostPort": 8080, "containerPort": 80, "protocol": ")" + name + "\"}");
    Container container = NewContainer(), other = NewContainer();
    Json result = Add(container, network);
    Add(other, Network());
    Endpoint server = Serve(container.ns, protocol, Ip("0.0.0.0"), 80);
    EXPECT_EQ(Call(*outside_, protocol, server, kHostIpv4, 8080), "192.0.2.2");
    EXPECT_EQ(Call(*host_, protocol, server, kHostIpv4, 8080), "192.0.2.1");
    EXPECT_EQ(Call(*host_, protocol, server, "127.0.0.1", 8080), "10.97.0.1");
    EXPECT_EQ(Call(container.ns, protocol, server, kHostIpv4, 8080), "10.97.0.1");
    EXPECT_EQ(Call(other.ns, protocol, server, kHostIpv4, 8080), "10.97.0.1");
    Endpoint server6 = Serve(container.ns, protocol, Ip(AddressIn(result, 1)), 80);
    EXPECT_EQ(Call(*outside_, protocol, server6, kHostIpv6, 8080), "2001:db8::2");
    Delete(container, network);
    Delete(other, network);
    EXPECT_EQ(Left(network), "");
  }
}

TEST_F(ProgramPorts, AConflictNamesTheHolderAndLeavesNothing) {
  Json all = WithPort(R"({"hostPort": 8080, "containerPort": 80, "protocol": "TCP", "hostIP": ""})");
  Json one = WithPort(R"({"hostPort": 8080, "containerPort": 81, "protocol": "tcp", "hostIP": "192.0.2.1"})");
  Container holder = NewContainer(), late = NewContainer();
  Add(holder, all);
  Ran refused = Run("ADD", late, one);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("8080"), HasSubstr(holder.id)));
  EXPECT_EQ(Leases().size(), 1u);
  EXPECT_EQ(PodLinks(), 1u);
  Delete(holder, all);
  Add(late, one);
  Delete(late, one);
  EXPECT_EQ(Left(one), "");
}

// As of a run that was killed before it could undo its work.
TEST_F(ProgramPorts, ADeadLeaseWithTheSamePortDoesNotCloseIt) {
  Json network = WithPort(R"({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"})");
  Container container = NewContainer(), dead = NewContainer();
  Add(container, network);
  auto leave_lease = [&] {
    std::ofstream(dir_ + "/state/pods/leases/10.97.0.99+fd00:97::99," + dead.id + ",eth0")
        << network["runtimeConfig"]["portMappings"];
  };
  auto expect_open = [&] {
    Endpoint server = Serve(container.ns, kTcp, Ip("0.0.0.0"), 80);
    EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8080), "192.0.2.2");
  };
  leave_lease();
  Delete(dead, network);
  expect_open();
  leave_lease();
  network["cni.dev/valid-attachments"] = Json::parse(R"([{"ifname": "eth0"}])");
  network["cni.dev/valid-attachments"][0]["containerID"] = container.id;
  EXPECT_EQ(Run("GC", container, network).status, 0);
  EXPECT_EQ(Leases().size(), 1u);
  expect_open();
  Delete(container, network);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramPorts, ThatCannotBeOpenedInADeadLeaseDoNotStopTheOthers) {
  for (const char* ports : {R"([{"hostPort": 8080, "containerPort": 0, "protocol": "tcp"}])", "[{", "7"}) {
    Container container = NewContainer(), dead = NewContainer();
    Add(container, Network());
    auto leave_lease = [&] {
      std::ofstream(dir_ + "/state/pods/leases/10.97.0.99," + dead.id + ",eth0") << ports;
    };
    leave_lease();
    host_->Shell("nft flush ruleset");
    Container next = NewContainer();
    Ran added = Run("ADD", next, WithPort(R"({"hostPort": 8081, "containerPort": 80, "protocol": "tcp"})"));
    EXPECT_EQ(added.status, 0) << added.output;
    EXPECT_THAT(added.diagnostics, HasSubstr(dead.id));
    Delete(dead, Network());
    leave_lease();
    Json garbage = Network();
    garbage["cni.dev/valid-attachments"] = Json::array();
    Ran collected = Run("GC", container, garbage);
    EXPECT_EQ(collected.status, 0) << collected.output;
    EXPECT_EQ(Left(Network()), "");
  }
}

// A lease with such ports would be what a run leaves that is killed before it refuses them.
TEST_F(ProgramPorts, AreRefusedBeforeAnythingIsMade) {
  Ran refused =
      Run("ADD", NewContainer(), WithPort(R"({"hostPort": 8080, "containerPort": 0, "protocol": "tcp"})"));
  EXPECT_NE(refused.status, 0);
  EXPECT_EQ(host_->Shell("ip -o link show type bridge"), "");
  Json network = WithPort(R"({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"})");
  Container holder = NewContainer(), late = NewContainer();
  Add(holder, network);
  host_->Shell("nft flush ruleset; ip link delete cni7");
  EXPECT_THAT(Run("ADD", late, network).message(), AllOf(HasSubstr("8080"), HasSubstr(holder.id)));
  EXPECT_EQ(host_->Shell("ip -o link show type bridge"), "");
  Delete(holder, network);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramPorts, ThoseOfADaemonOfDavitAreRespectedAndTheOtherWayRound) {
  std::unique_ptr<Bridge> daemon = OpenBridge();
  Pod pod = StartPod(*daemon, {{kTcp, "", 8080, 80}});
  Json network = WithPort(R"({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"})");
  Container container = NewContainer();
  EXPECT_THAT(Run("ADD", container, network).message(), AllOf(HasSubstr("8080"), HasSubstr("davit0")));
  StopPod(*daemon, pod);
  Add(container, network);
  Pod second{NewContainer().id, NetNs::Make(), {}};
  Result<Attachment> refused =
      daemon->Attach(second.id, second.ns.fd(), daemon->AllocateAddresses().value(), {{kTcp, "", 8080, 80}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("cni7"));
  Delete(container, network);
  EXPECT_EQ(Left(network), "");
}

TEST_F(ProgramPorts, TheRunsCountTheirOwnChangesOfRules) {
  Json network = WithPort(R"({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"})");
  Container container = NewContainer();
  for (int i = 0; i < 2; ++i) {  // the first makes the tables, the second finds them as they should be
    Add(container, Network());
    Delete(container, Network());
  }
  uint32_t generation = NotedGeneration();
  EXPECT_GT(generation, 0u);
  Add(container, network);
  EXPECT_EQ(NotedGeneration(), generation + 1);
  Delete(container, network);
  EXPECT_EQ(NotedGeneration(), generation + 2);
  host_->Shell("nft add table ip foreign");
  Delete(container, network);
  EXPECT_EQ(NotedGeneration(), generation + 2);
  Add(container, Network());
  EXPECT_EQ(NotedGeneration(), generation + 3) << "it has looked";
  Delete(container, Network());
}

}  // namespace
}  // namespace davit::cni
