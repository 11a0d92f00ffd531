// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "cni/netns_pin.h"
#include "cni/testing/test_world.h"

namespace davit {
namespace {

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kChain[] = R"({"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "first", "bridge": "cni0"},
  {"type": "second", "capabilities": {"portMappings": true}}]})";

constexpr char kResult[] = R"({"cniVersion": "1.0.0",
  "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": "/run/netns/x"}],
  "ips": [{"address": "fd00::5/64", "interface": 1}, {"address": "10.1.0.5/16", "interface": 1},
          {"address": "10.1.0.1/16", "interface": 0}]})";

TEST(PluginListTest, ReadsAChain) {
  PluginList list = *ParsePluginList("10-pods.conflist", kChain);
  EXPECT_EQ(list.name, "pods");
  ASSERT_EQ(list.plugins.size(), 2u);
  EXPECT_FALSE(list.plugins[0].port_mappings);
  EXPECT_TRUE(list.plugins[1].port_mappings);
  EXPECT_TRUE(list.IsAtLeast(1, 0));
  EXPECT_TRUE(list.IsAtLeast(0, 4));
  EXPECT_FALSE(list.IsAtLeast(1, 1));
}

TEST(PluginListTest, ReadsASinglePlugin) {
  PluginList list =
      *ParsePluginList("pods.conf", R"({"cniVersion": "0.3.1", "name": "pods", "type": "first"})");
  EXPECT_THAT(list.plugins, ElementsAre(::testing::Field(&PluginConfig::type, "first")));
  EXPECT_FALSE(list.IsAtLeast(0, 4));
}

TEST(PluginListTest, BadFilesAreErrorsThatNameThem) {
  for (const char* text :
       {"", "[]", "{", R"({"name": "x"})", R"({"cniVersion": "1.0.0", "plugins": [{"type": "a"}]})",
        R"({"cniVersion": "1.0.0", "name": "x", "plugins": []})",
        R"({"cniVersion": "1.0.0", "name": "x", "plugins": [{}]})",
        R"({"cniVersion": "1.0.0", "name": "x", "plugins": [{"type": "../../bin/sh"}]})",
        R"({"cniVersion": "0.2.0", "name": "x", "plugins": [{"type": "a"}]})"}) {
    Result<PluginList> list = ParsePluginList("bad.conflist", text);
    ASSERT_FALSE(list) << text;
    EXPECT_EQ(list.error().code, Code::kInvalidArgument);
    EXPECT_THAT(list.error().ToString(), HasSubstr("bad.conflist"));
  }
}

TEST(PluginListTest, InputHasNetworkPortsAndThePreviousResult) {
  PluginList list = *ParsePluginList("10-pods.conflist", kChain);
  std::vector<PortMapping> ports = {{Protocol::kUdp, "127.0.0.1", 53, 5353}};
  EXPECT_EQ(Json::parse(PluginInput(list.plugins[0], ports, "")),
            Json::parse(R"({"cniVersion": "1.0.0", "name": "pods", "type": "first", "bridge": "cni0"})"));
  EXPECT_EQ(
      Json::parse(PluginInput(list.plugins[1], ports, R"({"ips": []})")),
      Json::parse(R"({"cniVersion": "1.0.0", "name": "pods", "type": "second", "prevResult": {"ips": []},
              "runtimeConfig": {"portMappings":
                [{"hostPort": 53, "containerPort": 5353, "protocol": "udp", "hostIP": "127.0.0.1"}]}})"));
}

TEST(PluginResultTest, AddressesAreThePodsOwnIpv4First) {
  EXPECT_THAT(*AddressesInResult(kResult), ElementsAre(Ip("10.1.0.5"), Ip("fd00::5")));
  EXPECT_THAT(*AddressesInResult(R"({"ips": [{"version": "4", "address": "10.1.0.5/16"}]})"),
              ElementsAre(Ip("10.1.0.5")));
  EXPECT_FALSE(AddressesInResult("oops"));
  EXPECT_FALSE(AddressesInResult(R"({"ips": [{"address": "nonsense"}]})"));
}

TEST(PluginResultTest, FailureIsWhatThePluginSays) {
  Error error =
      PluginFailure("first", "ADD", R"({"code": 11, "msg": "busy", "details": "no leases"})", "noise");
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_EQ(error.ToString(), "network plugin ADD first: busy: no leases");
  EXPECT_EQ(PluginFailure("first", "DEL", "", "panic\n").ToString(), "network plugin DEL first: panic");
}

// Plugins that are scripts: each appends its command and input to a log and prints a result.
class PluginNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-plugin-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    options_ = {dir_, {dir_ + "/empty", dir_ + "/bin"}, 60'000};
    std::filesystem::create_directory(dir_ + "/bin");
    Write("10-pods.conflist", kChain);
    for (const char* plugin : {"first", "second"})
      Program(plugin, std::string("cat <<'END'\n") + kResult + "\nEND");
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name) << text;
  }

  void Program(const std::string& name, const std::string& body) const {
    Write("bin/" + name, "#!/bin/sh\n{ echo " + name +
                             " $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME " +
                             "\"$CNI_ARGS\"; cat; echo; } >> " + dir_ + "/log\n" + body + "\n");
    ASSERT_EQ(chmod((dir_ + "/bin/" + name).c_str(), 0755), 0);
  }

  // The commands in the log, without what the programs were given on their standard input.
  std::vector<std::string> Calls() const {
    std::vector<std::string> calls;
    std::ifstream log(dir_ + "/log");
    for (std::string line; std::getline(log, line);)
      if (!line.starts_with('{')) calls.push_back(line);
    return calls;
  }
  std::string Log() const { return ReadFile(dir_ + "/log").value_or(""); }

  std::string dir_;
  PluginNetwork::Options options_;
  PluginPod pod_{"id1", "/run/netns/x", {{Protocol::kTcp, "", 8080, 80}}, {{"K8S_POD_NAME", "web"}}};
};

TEST_F(PluginNetworkTest, RunsTheChainForwardsAndBackwards) {
  PluginNetwork network = *PluginNetwork::Load(options_);
  Result<PluginAttachment> attachment = network.Add(pod_);
  ASSERT_TRUE(attachment) << attachment.error().ToString();
  EXPECT_THAT(attachment->addresses, ElementsAre(Ip("10.1.0.5"), Ip("fd00::5")));
  ASSERT_TRUE(network.Delete(pod_, attachment->result));
  std::string rest = " id1 /run/netns/x eth0 IgnoreUnknown=1;K8S_POD_NAME=web";
  EXPECT_THAT(Calls(),
              ElementsAre("first ADD" + rest, "second ADD" + rest, "second DEL" + rest, "first DEL" + rest));
  EXPECT_THAT(Log(), AllOf(HasSubstr("\"hostPort\":8080"), HasSubstr("\"prevResult\":{")));
}

TEST_F(PluginNetworkTest, FailedAddIsUndone) {
  Program("second", R"([ $CNI_COMMAND = DEL ] || { echo '{"code": 100, "msg": "no ports"}'; exit 1; })");
  Result<PluginAttachment> attachment = PluginNetwork::Load(options_)->Add(pod_);
  ASSERT_FALSE(attachment);
  EXPECT_EQ(attachment.error().ToString(), "network plugin ADD second: no ports");
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("first ADD"), HasSubstr("second ADD"), HasSubstr("second DEL"),
                                   HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, DeleteGoesOnAfterAFailure) {
  Program("second", "echo broken >&2; exit 3");
  Result<> deleted = PluginNetwork::Load(options_)->Delete(pod_, kResult);
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().ToString(), "network plugin DEL second: broken");
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("second DEL"), HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, HungPluginIsKilledWithItsChildren) {
  std::string fifo = dir_ + "/alive";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  UniqueFd reader = *OpenAt(AT_FDCWD, fifo, O_RDONLY | O_NONBLOCK);
  UniqueFd writer = *OpenAt(AT_FDCWD, fifo, O_WRONLY);
  Program("first", "sleep 1000 3> " + fifo + " & wait");
  options_.timeout_ms = 50;
  Result<PluginAttachment> attachment = PluginNetwork::Load(options_)->Add(pod_);
  ASSERT_FALSE(attachment);
  EXPECT_EQ(attachment.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(attachment.error().ToString(), HasSubstr("/bin/first"));
  writer.Reset();
  pollfd hangup{reader.get(), 0, 0};
  EXPECT_EQ(poll(&hangup, 1, 10'000), 1) << "something of the plugin's still has the other end";
}

TEST_F(PluginNetworkTest, MissingProgramNamesTheDirectories) {
  std::filesystem::remove(dir_ + "/bin/second");
  PluginNetwork network = *PluginNetwork::Load(options_);
  Result<> checked = network.Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(checked.error().ToString(), AllOf(HasSubstr("second"), HasSubstr(dir_ + "/bin")));
}

TEST_F(PluginNetworkTest, StatusIsAskedFromVersion11On) {
  EXPECT_TRUE(PluginNetwork::Load(options_)->Check());
  EXPECT_THAT(Log(), Not(HasSubstr("STATUS")));
  Write("00-first.conf", R"({"cniVersion": "1.1.0", "name": "pods", "type": "first"})");
  Program("first", R"(echo '{"code": 50, "msg": "starting"}'; exit 1)");
  Result<> checked = PluginNetwork::Load(options_)->Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kUnavailable);
}

TEST_F(PluginNetworkTest, CollectNamesTheLivePodsFromVersion11OnUnlessItIsDisabled) {
  EXPECT_TRUE(PluginNetwork::Load(options_)->Collect({"id1"}));
  Write("00-first.conf", R"({"cniVersion": "1.1.0", "name": "pods", "type": "first", "disableGC": true})");
  EXPECT_TRUE(PluginNetwork::Load(options_)->Collect({"id1"}));
  EXPECT_EQ(Log(), "");
  Write("00-first.conf", R"({"cniVersion": "1.1.0", "name": "pods", "type": "first"})");
  EXPECT_TRUE(PluginNetwork::Load(options_)->Collect({"id1"}));
  EXPECT_THAT(Log(),
              AllOf(HasSubstr("first GC"),
                    HasSubstr(R"("cni.dev/valid-attachments":[{"containerID":"id1","ifname":"eth0"}])")));
}

TEST_F(PluginNetworkTest, ANetworkIsTakenDownByTheConfigurationThatMadeIt) {
  PluginNetwork made = *PluginNetwork::Load(options_);
  std::string file = made.list().file;
  std::string text = made.list().text;
  std::filesystem::remove(file);
  Result<PluginNetwork> network = PluginNetwork::Restore(options_, file, text);
  ASSERT_TRUE(network) << network.error().ToString();
  EXPECT_TRUE(network->Delete(pod_, kResult));
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("second DEL"), HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, ArgumentsCannotSmuggleOthersIn) {
  pod_.args = {{"K8S_POD_NAME", "web;K8S_POD_NAMESPACE=kube-system"}};
  EXPECT_EQ(PluginNetwork::Load(options_)->Add(pod_).error().code, Code::kInvalidArgument);
}

TEST_F(PluginNetworkTest, DirectoryWithoutConfigurationIsNotFound) {
  options_.conf_dir = dir_ + "/bin";
  EXPECT_EQ(PluginNetwork::Load(options_).error().code, Code::kNotFound);
  options_.conf_dir = dir_ + "/nowhere";
  EXPECT_EQ(PluginNetwork::Load(options_).error().code, Code::kNotFound);
}

class RealPluginTest : public NetworkTest {};

// Debian's plugins, with everything that they keep below a directory of this test.
TEST_F(RealPluginTest, BridgeAndPortmapGiveAPodItsNetwork) {
  constexpr char kPlugins[] = "/usr/lib/cni";
  if (access((std::string(kPlugins) + "/portmap").c_str(), X_OK) != 0)
    GTEST_SKIP() << "needs containernetworking-plugins";
  if (system("command -v iptables >/dev/null") != 0) GTEST_SKIP() << "needs iptables for the portmap plugin";
  std::string dir = std::filesystem::temp_directory_path() / "davit-plugin-XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  std::ofstream(dir + "/pods.conflist")
      << R"({"cniVersion": "1.0.0", "name": "davit-test", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local",
     "dataDir": ")"
      << dir << R"(/leases", "ranges": [[{"subnet": "10.99.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}]})";
  NetNs pod = NetNs::Make();
  PluginNetwork network = *PluginNetwork::Load({dir, {kPlugins}, 60'000});
  Result<std::string> path = PinNetns(dir + "/netns", "pod", pod.fd());
  ASSERT_TRUE(path) << path.error().ToString();
  PluginPod request{"davit-test-pod", *path, {{Protocol::kTcp, "", 8080, 80}}, {}};
  Result<PluginAttachment> attachment = network.Add(request);
  EXPECT_TRUE(attachment) << attachment.error().ToString();
  if (attachment) {
    EXPECT_THAT(attachment->addresses, ElementsAre(Ip("10.99.0.2")));
    Endpoint server = Serve(pod, Protocol::kTcp, Ip("0.0.0.0"), 80);
    EXPECT_EQ(Call(*outside_, Protocol::kTcp, server, kHostIpv4, 8080), "192.0.2.2");
    EXPECT_TRUE(network.Delete(request, attachment->result));
    EXPECT_TRUE(network.Delete(request, attachment->result));
  }
  EXPECT_TRUE(UnpinNetns(dir + "/netns", "pod"));
  EXPECT_TRUE(UnpinNetns(dir + "/netns", "pod"));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace davit
