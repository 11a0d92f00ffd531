// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// network ls and network status.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NetworkVerbs : public VerbFixture {
 protected:
  // A node whose pods are on the bridge, but one that has still the network of plugins.
  static api::NetworkStatusResponse Node() {
    api::NetworkStatusResponse node;
    node.set_mode("bridge");
    node.set_ready(true);
    api::NetworkBridge& bridge = *node.mutable_bridge();
    bridge.set_name("davit0");
    bridge.add_subnets("10.88.0.0/16");
    bridge.add_subnets("fd00:88::/64");
    bridge.set_mtu(1500);
    bridge.set_masquerade(true);
    bridge.set_table("davit-davit0");
    bridge.set_owned(true);
    bridge.set_open(true);
    api::ForwardDrop& drop = *bridge.add_drops();
    drop.set_chain("table ip filter, chain FORWARD");
    drop.set_reason("its policy is to drop");
    drop.set_pods(api::ForwardDrop::ACCEPTED);
    AddPod(node, "1111", "web", "10.88.0.2", "davit0");
    AddPod(node, "2222", "old", "10.9.0.2", "/etc/cni/net.d/10-x.conflist");
    api::PublishedPort& port = *node.add_ports();
    port.set_protocol("tcp");
    port.set_address("::");
    port.set_port(8080);
    port.set_pod_address("fd00:88::2");
    port.set_pod_port(80);
    port.set_pod_id("1111");
    port.set_pod_name("web");
    port.set_pod_namespace("default");
    node.mutable_checks()->set_count(7);
    node.mutable_checks()->set_last(UnixNanoseconds());
    return node;
  }
  static void AddPod(api::NetworkStatusResponse& node, const std::string& id, const std::string& name,
                     const std::string& address, const std::string& network) {
    api::PodAttachment& pod = *node.add_pods();
    pod.set_id(id);
    pod.set_name(name);
    pod.set_namespace_("default");
    pod.add_addresses(address);
    pod.set_since(UnixNanoseconds());
    pod.set_network(network);
  }
};

TEST_F(NetworkVerbs, StatusShowsBridgeFirewallsPodsAndPorts) {
  cri_.networks().Set(Node());
  std::string out = Answer(NetworkStatusOptions{});
  EXPECT_THAT(out, AllOf(HasSubstr("Ready        yes"), HasSubstr("10.88.0.0/16, fd00:88::/64"),
                         HasSubstr("table inet davit-davit0, owned by the daemon"),
                         HasSubstr("its policy is to drop; rules of Davit accept pods"),
                         HasSubstr("0s ago, 7 in all"), HasSubstr("Repairs      0\n")));
  EXPECT_THAT(out, AllOf(HasSubstr("default/web"), HasSubstr("10.88.0.2"),
                         HasSubstr("[::]:8080/tcp   [fd00:88::2]:80   1111     default/web")));
}

TEST_F(NetworkVerbs, StatusSaysWhatIsWrongAndWhatWasRepaired) {
  api::NetworkStatusResponse node = Node();
  node.set_ready(false);
  node.set_problem("forward packets of pods table inet fw, chain forward");
  node.mutable_bridge()->mutable_drops(0)->set_pods(api::ForwardDrop::DROPPED);
  node.mutable_pods(0)->set_problem("somebody removed its network interface");
  node.mutable_checks()->set_repairs(2);
  node.mutable_checks()->set_last_repair(UnixNanoseconds() - int64_t{300} * 1'000'000'000);
  node.mutable_checks()->add_repaired("davit0 was down");
  cri_.networks().Set(node);
  EXPECT_THAT(Answer(NetworkStatusOptions{}),
              AllOf(HasSubstr("no: forward packets of pods"), HasSubstr("PODS ARE DROPPED"),
                    HasSubstr("2, the last 5m ago"), HasSubstr("davit0 was down"),
                    HasSubstr("somebody removed its network interface")));
}

TEST_F(NetworkVerbs, StatusOfPluginsNamesTheConfigurationInForceAndTheRefusedOne) {
  api::NetworkStatusResponse node;
  node.set_mode("cni");
  node.set_ready(true);
  node.mutable_plugins()->set_file("/etc/cni/net.d/10-calico.conflist");
  node.mutable_plugins()->set_network("k8s-pod-network");
  node.mutable_plugins()->set_version("0.3.1");
  node.set_refused_configuration("read network configuration /etc/cni/net.d/10-calico.conflist:3: name: ...");
  cri_.networks().Set(node);
  std::string out = Answer(NetworkStatusOptions{});
  EXPECT_THAT(out, AllOf(HasSubstr("10-calico.conflist, network k8s-pod-network, version 0.3.1"),
                         HasSubstr("conflist:3: name"), HasSubstr("never")));
  EXPECT_THAT(out, Not(HasSubstr("Bridge")));
}

TEST_F(NetworkVerbs, LsCountsThePodsOfEachNetwork) {
  cri_.networks().Set(Node());
  EXPECT_EQ(
      Answer(NetworkListOptions{}),
      "NETWORK ID   NETWORK                        KIND     SUBNETS                      PODS   NEW PODS\n"
      "-            davit0                         bridge   10.88.0.0/16, fd00:88::/64   1      yes\n"
      "-            /etc/cni/net.d/10-x.conflist   cni      -                            1      no\n");
}

TEST_F(NetworkVerbs, PeopleMakeListAndRemoveNetworks) {
  api::NetworkStatusResponse node = Node();
  AddPod(node, "3333", "db", "10.89.0.2", std::string(64, 'a'));
  cri_.networks().Set(node);
  EXPECT_EQ(Answer(NetworkCreateOptions{.name = "back", .subnets = {"10.89.0.0/24"}, .labels = {"a=b", "c"}}),
            std::string(64, 'a') + "\n");
  EXPECT_THAT(Answer(NetworkListOptions{}), HasSubstr("\naaaaaaaaaaaa   back "));
  EXPECT_EQ(Answer(NetworkListOptions{.quiet = true}), "aaaaaaaaaaaa\n");
  EXPECT_EQ(Answer(NetworkListOptions{.format = "{{.Name}} {{.Driver}} {{.Labels}}"}),
            "back bridge a=b,c=\n");
  auto filtered = [this](const std::vector<std::string>& filters) {
    return Answer(NetworkListOptions{.filters = filters});
  };
  EXPECT_EQ(filtered({"name=ac", "label=a=b"}),
            "NETWORK ID     NAME   DRIVER   SCOPE\naaaaaaaaaaaa   back   bridge   local\n");
  for (const char* none : {"name=x", "id=b", "label=a=c", "driver=macvlan", "type=builtin", "dangling=false"})
    EXPECT_THAT(filtered({none}), Not(HasSubstr("back"))) << none;
  EXPECT_THAT(Do(NetworkListOptions{.filters = {"type=x"}}).error().ToString(), HasSubstr("type=custom"));
  auto list = nlohmann::json::parse(Answer(NetworkListOptions{}, OutputFormat::kJson));
  EXPECT_EQ(list[2]["name"], "back");
  EXPECT_EQ(list[2]["pods"], 1) << "by its id";
  auto document = nlohmann::json::parse(Answer(NetworkInspectOptions{.networks = {"back"}}));
  EXPECT_EQ(document[0]["IPAM"]["Config"][0]["Subnet"], "10.89.0.0/24");
  EXPECT_EQ(document[0]["Labels"]["a"], "b");
  EXPECT_EQ(Answer(NetworkInspectOptions{.networks = {"back"}, .format = "{{.Name}}"}), "back\n");
  EXPECT_EQ(Answer(NetworkRemoveOptions{.networks = {"back"}}), "back\n");
  EXPECT_EQ(Answer(NetworkListOptions{.quiet = true}), "");
}

TEST_F(NetworkVerbs, JsonHasAllFields) {
  cri_.networks().Set(Node());
  auto status = nlohmann::json::parse(Answer(NetworkStatusOptions{}, OutputFormat::kJson));
  EXPECT_EQ(status["mode"], "bridge");
  EXPECT_EQ(status["bridge"]["drops"][0]["pods"], "accepted");
  EXPECT_EQ(status["pods"][0]["id"], "1111");
  EXPECT_EQ(status["ports"][0]["port"], 8080);
  EXPECT_EQ(status["checks"]["count"], 7);
  EXPECT_FALSE(status.contains("plugins"));
  auto list = nlohmann::json::parse(Answer(NetworkListOptions{}, OutputFormat::kJson));
  EXPECT_EQ(list[0]["name"], "davit0");
  EXPECT_EQ(list[1]["newPods"], false);
}

TEST_F(NetworkVerbs, AnUntrustedTextDoesNotControlTheTerminal) {
  api::NetworkStatusResponse node = Node();
  node.set_ready(false);
  node.set_problem("\x1b[2J");
  cri_.networks().Set(node);
  EXPECT_THAT(Answer(NetworkStatusOptions{}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace davit::cli
