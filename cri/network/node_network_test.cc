// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The node's network in a network namespace of the test, with plugins that are scripts.
#include "cri/network/node_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/ids.h"
#include "cni/names.h"
#include "cni/netns_pin.h"
#include "cni/testing/test_world.h"

namespace davit::cri {
namespace {

namespace fs = std::filesystem;
namespace v1 = ::runtime::v1;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr auto kBound = 20s;

class NodeNetworkTest : public cni::NetworkTest {
 protected:
  void SetUp() override {
    cni::NetworkTest::SetUp();
    std::string name = fs::temp_directory_path() / "davit-node-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    for (const char* sub : {"conf", "bin", "pins"}) fs::create_directory(dir_ + "/" + sub);
    options_.bridge = Config();
    options_.plugin_pods.plugins = {.conf_dir = dir_ + "/conf", .bin_dirs = {dir_ + "/bin"}};
    options_.plugin_pods.pin_dir = dir_ + "/pins";
    options_.health.period = 1h;  // only looks that the test causes
    options_.health.idle_period = 1h;
    options_.health.quiet = 0ms;
    options_.first_look = kBound;
  }
  void TearDown() override {
    network_.reset();
    for (const auto& pin : fs::directory_iterator(dir_ + "/pins")) umount2(pin.path().c_str(), MNT_DETACH);
    fs::remove_all(dir_);
    cni::NetworkTest::TearDown();
  }

  void Start(const std::vector<RecordedPod>& pods = {}) {
    network_ = NodeNetwork::Open(options_, pod_cidr_, log_).value();
    problems_ = network_->Recover(pods);
  }
  // As the next daemon finds the pods.
  void Restart(const std::vector<RecordedPod>& pods) {
    network_.reset();
    Start(pods);
  }
  Result<> Judgement() {
    EXPECT_TRUE(network_->AwaitLook(kBound));
    return network_->Check();
  }

  // A plugin that writes its calls to calls(), answers with an address and does `extra` before.
  void Install(const std::string& plugin, const std::string& extra = "") const {
    std::ofstream(dir_ + "/bin/" + plugin)
        << "#!/bin/sh\necho " << plugin << " $CNI_COMMAND netns=${CNI_NETNS:+there} >> " << dir_ << "/calls\n"
        << "cat > /dev/null\n"
        << extra << "\n"
        << R"(echo '{"cniVersion": "1.0.0", "ips": [{"address": "192.0.2.77/24"}]}')" << "\n";
    ASSERT_EQ(chmod((dir_ + "/bin/" + plugin).c_str(), 0755), 0);
  }
  static std::string Refuse(const std::string& command, int code = 100) {
    return "[ $CNI_COMMAND != " + command + R"( ] || { echo '{"code": )" + std::to_string(code) +
           R"(, "msg": "not today"}'; exit 1; })";
  }
  void Configure(const std::string& plugin, const std::string& version = "1.0.0") const {
    std::ofstream(dir_ + "/new") << R"({"cniVersion": ")" << version << R"(", "name": "pods", "type": ")"
                                 << plugin << "\"}";
    fs::rename(dir_ + "/new", ConfFile());
  }
  std::string ConfFile() const { return dir_ + "/conf/10-pods.conf"; }
  std::vector<std::string> Calls() const {
    std::vector<std::string> calls;
    std::ifstream file(dir_ + "/calls");
    for (std::string line; std::getline(file, line);) calls.push_back(line);
    return calls;
  }
  std::string Pin(const RecordedPod& pod) const { return cni::NetnsPin(dir_ + "/pins", pod.record.id); }

  RecordedPod RunPod(int32_t host_port = 0, const v1::PodSandboxConfig& config = {}) {
    RecordedPod pod;
    pod.config = config;
    pod.record.id = NewId().value();
    if (host_port != 0) {
      v1::PortMapping& port = *pod.config.add_port_mappings();
      port.set_host_port(host_port);
      port.set_container_port(80);
    }
    namespaces_.push_back(cni::NetNs::Make());
    Result<> chosen = network_->Choose(pod.record);
    EXPECT_TRUE(chosen) << chosen.error().ToString();
    Result<> attached = network_->Attach(pod.config, namespaces_.back().fd(), pod.record);
    EXPECT_TRUE(attached) << attached.error().ToString();
    return pod;
  }
  Result<Leftovers> Detach(const RecordedPod& pod) { return network_->Detach(pod.config, pod.record); }

  bool BridgeExists() const { return host_->Shell("ip -o link").contains("davit0"); }
  // Something of that name in the bridge's place.
  void PutAnotherLinkInPlaceOfTheBridge() {
    host_->Shell("ip link delete davit0; ip link add davit0 type bridge");
  }

  std::string dir_;
  NodeNetwork::Options options_;
  std::string stored_cidr_;
  PodCidrSetting pod_cidr_{"", [this](const std::string& cidr) {
                             stored_cidr_ = cidr;
                             return Result<>();
                           }};
  Logger log_{STDERR_FILENO, LogLevel::kError};
  std::unique_ptr<NodeNetwork> network_;
  std::map<std::string, Error> problems_;
  std::vector<cni::NetNs> namespaces_;
};

// --- A pod comes down whatever became of its plugin.

TEST_F(NodeNetworkTest, SysctlsOfThePodsInterfaceAreWrittenWithIt) {
  Start();
  v1::PodSandboxConfig config;
  (*config.mutable_linux()->mutable_sysctls())["net.ipv4.conf.eth0.rp_filter"] = "2";
  RunPod(/*host_port=*/0, config);
  EXPECT_EQ(namespaces_.back().Shell("cat /proc/sys/net/ipv4/conf/eth0/rp_filter"), "2\n");
}

TEST_F(NodeNetworkTest, ARefusedInterfaceSysctlLeavesNoHostPortAfterDetach) {
  Start();
  RecordedPod pod;
  pod.record.id = NewId().value();
  v1::PortMapping& port = *pod.config.add_port_mappings();
  port.set_host_port(8080);
  port.set_container_port(80);
  (*pod.config.mutable_linux()->mutable_sysctls())["net.ipv4.conf.eth0.no_such_setting"] = "1";
  cni::NetNs ns = cni::NetNs::Make();
  ASSERT_TRUE(network_->Choose(pod.record));
  EXPECT_FALSE(network_->Attach(pod.config, ns.fd(), pod.record));
  EXPECT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), Not(HasSubstr("8080")));
  RunPod(8080);  // nobody holds the port
}

TEST_F(NodeNetworkTest, APodComesDownWithoutItsPluginWhenThatIsUninstalled) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  fs::remove(dir_ + "/bin/a");
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left) << left.error().ToString();
  ASSERT_THAT(*left, SizeIs(1));
  EXPECT_THAT(left->front().ToString(), AllOf(HasSubstr(pod.record.id), HasSubstr("network plugin a")));
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

TEST_F(NodeNetworkTest, APluginThatIsReplacedIsAskedFirstAndLeftBehindWhenItRefuses) {
  Install("a");
  Install("b");
  Configure("a");
  Start();
  RecordedPod willing = RunPod();
  RecordedPod refused = RunPod();
  Configure("b");
  Result<Leftovers> left = Detach(willing);
  ASSERT_TRUE(left);
  EXPECT_THAT(*left, IsEmpty());
  EXPECT_EQ(Calls().back(), "a DEL netns=there");
  Install("a", Refuse("DEL"));
  left = Detach(refused);
  ASSERT_TRUE(left) << left.error().ToString();
  ASSERT_THAT(*left, SizeIs(1));
  EXPECT_THAT(left->front().ToString(), HasSubstr("not today"));
  EXPECT_FALSE(fs::exists(Pin(refused)));
}

TEST_F(NodeNetworkTest, APluginWithoutAConfigurationIsLeftBehindWhenItRefuses) {
  Install("a", Refuse("DEL"));
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  fs::remove(ConfFile());
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_THAT(*left, SizeIs(1));
}

TEST_F(NodeNetworkTest, APluginInForceThatRefusesKeepsThePodForTheNextAttempt) {
  Install("a", Refuse("DEL"));
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  EXPECT_THAT(Detach(pod).error().ToString(), HasSubstr("not today"));
  EXPECT_TRUE(cni::IsPinned(dir_ + "/pins", pod.record.id));
  EXPECT_FALSE(Detach(pod)) << "and for the one after it";
  Install("a");
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left);
  EXPECT_THAT(*left, IsEmpty());
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

TEST_F(NodeNetworkTest, APluginThatAsksForALaterAttemptGetsOneEvenWhenItIsReplaced) {
  Install("a", Refuse("DEL", 11));
  Install("b");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  Configure("b");
  EXPECT_FALSE(Detach(pod));
}

TEST_F(NodeNetworkTest, NoPluginKeepsAPodForEver) {
  Install("a", Refuse("DEL"));
  Configure("a");
  options_.detach_patience = 0ms;
  Start();
  RecordedPod pod = RunPod();
  EXPECT_FALSE(Detach(pod)) << "the first failure is always reported";
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_THAT(*left, SizeIs(1));
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

TEST_F(NodeNetworkTest, APodWhoseNetworkNamespaceIsGoneComesDownWithoutThePluginsConsent) {
  Install("a", Refuse("DEL"));
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  ASSERT_EQ(umount2(Pin(pod).c_str(), MNT_DETACH), 0);
  ASSERT_TRUE(fs::exists(Pin(pod))) << "the file stays, as it does when somebody unmounts it";
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_THAT(*left, SizeIs(1));
  EXPECT_EQ(Calls().back(), "a DEL netns=") << "CNI_NETNS is empty, as the specification wants it";
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

TEST_F(NodeNetworkTest, APodWhoseRecordedConfigurationIsUnreadableComesDown) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  pod.record.plugins->config = "{";
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_THAT(*left, SizeIs(1));
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

// The pod was never made: what its plugin would have undone is nothing.
TEST_F(NodeNetworkTest, APodWhosePluginNeverExistedComesDown) {
  Configure("missing");
  Start();
  RecordedPod pod;
  pod.record.id = NewId().value();
  cni::NetNs ns = cni::NetNs::Make();
  ASSERT_TRUE(network_->Choose(pod.record));
  EXPECT_FALSE(network_->Attach(pod.config, ns.fd(), pod.record));
  EXPECT_TRUE(Detach(pod));
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

TEST_F(NodeNetworkTest, APodOnABridgeThatCannotBeOpenedComesDown) {
  Start();
  RecordedPod pod = RunPod(8080);
  network_.reset();
  PutAnotherLinkInPlaceOfTheBridge();
  Start({pod});
  Result<Leftovers> left = Detach(pod);
  ASSERT_TRUE(left) << left.error().ToString();
  ASSERT_THAT(*left, SizeIs(1));
  EXPECT_THAT(left->front().ToString(), HasSubstr("davit0"));
  network_->GiveBack(pod.record);

  host_->Shell("ip link delete davit0");
  EXPECT_TRUE(Judgement());
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), Not(HasSubstr("8080")))
      << "the host port goes when the bridge is back";
}

// --- Recovery

TEST_F(NodeNetworkTest, OnePodOutsideAnEditedSubnetIsThatPodsAffair) {
  Start();
  RecordedPod stays = RunPod(8080);
  RecordedPod moved = RunPod(8081);
  moved.record.addresses = {"10.99.0.2", "fd00:80::3"};
  Restart({stays, moved});
  EXPECT_TRUE(network_->Check());
  ASSERT_THAT(problems_, SizeIs(1));
  EXPECT_THAT(problems_.at(moved.record.id).ToString(), HasSubstr("10.99.0.2"));
  EXPECT_EQ(PodLinks(), 2u);
  RecordedPod next = RunPod();
  EXPECT_THAT(next.record.addresses, ElementsAre("10.80.0.3", "fd00:80::4"))
      << "the address that the pod can keep stays taken";
  EXPECT_TRUE(Detach(moved)) << "and it can still be stopped";
  network_->GiveBack(moved.record);
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), AllOf(HasSubstr("8080"), Not(HasSubstr("8081"))));
}

TEST_F(NodeNetworkTest, UnreadableRecordsAreTheirPodsAffairs) {
  Start();
  RecordedPod good = RunPod(8080);
  RecordedPod garbled = RunPod();
  RecordedPod same = RunPod(8081);
  garbled.record.addresses = {"ten dot one"};
  same.record.addresses = good.record.addresses;
  Restart({good, garbled, same});
  EXPECT_TRUE(network_->Check());
  EXPECT_THAT(problems_, SizeIs(2));
  EXPECT_TRUE(problems_.contains(garbled.record.id));
  // Of the two with one address the first by id has it.
  EXPECT_TRUE(problems_.contains(std::max(good.record.id, same.record.id)));
  EXPECT_TRUE(Detach(garbled));
}

TEST_F(NodeNetworkTest, ABridgeThatCannotBeOpenedAtTheStartIsTakenOverWhenItCan) {
  Start();
  RecordedPod pod = RunPod(8080);
  network_.reset();
  PutAnotherLinkInPlaceOfTheBridge();
  Start({pod});
  EXPECT_THAT(problems_, IsEmpty()) << "the pod goes on";
  EXPECT_THAT(network_->Check().error().ToString(), HasSubstr("davit0"));

  host_->Shell("ip link delete davit0");
  EXPECT_TRUE(Judgement());
  EXPECT_EQ(PodLinks(), 1u) << "the pod has its interface";
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), HasSubstr("8080"));
  EXPECT_THAT(RunPod().record.addresses, Not(ElementsAre(pod.record.addresses[0], pod.record.addresses[1])));
  EXPECT_TRUE(Detach(pod));
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), Not(HasSubstr("8080")));
}

TEST_F(NodeNetworkTest, AnUnreadablePodCidrLeavesTheConfiguredSubnets) {
  pod_cidr_.value = "ten dot one";
  Start();
  EXPECT_TRUE(network_->Check());
  EXPECT_THAT(network_->Describe().subnets, ElementsAre("10.80.0.0/16", "fd00:80::/64"));
}

TEST_F(NodeNetworkTest, APodGivenBackTwiceFreesNobodyElsesAddress) {
  options_.bridge.subnets = {*cni::ParseSubnet("10.80.0.0/30")};  // room for one pod
  Start();
  RecordedPod first = RunPod();
  ASSERT_TRUE(Detach(first));
  network_->GiveBack(first.record);
  RecordedPod second = RunPod();
  network_->GiveBack(first.record);
  SandboxRecord third;
  third.id = NewId().value();
  EXPECT_EQ(network_->Choose(third).error().code, Code::kResourceExhausted);
}

// --- Health

TEST_F(NodeNetworkTest, AskingMakesNoBridge) {
  host_->Shell("ip link add davit0 type bridge");
  Start();
  EXPECT_FALSE(network_->Check());
  host_->Shell("ip link delete davit0");
  EXPECT_FALSE(network_->Check());
  EXPECT_FALSE(BridgeExists());
  EXPECT_TRUE(Judgement());
  EXPECT_TRUE(BridgeExists());
}

TEST_F(NodeNetworkTest, AskingRemovesNoBridge) {
  options_.health.quiet = 1h;  // what changes is looked into much later
  Start();
  ASSERT_TRUE(BridgeExists());
  Install("a");
  Configure("a");
  EXPECT_TRUE(network_->Check());
  EXPECT_TRUE(BridgeExists());
}

TEST_F(NodeNetworkTest, ABridgeThatIsRemovedIsNotReady) {
  Start();
  EXPECT_TRUE(network_->Check());
  host_->Shell("ip link delete davit0");
  EXPECT_THAT(Judgement().error().ToString(), HasSubstr("davit0"));
}

TEST_F(NodeNetworkTest, AskingDoesNotWaitForAHungPlugin) {
  ASSERT_EQ(mkfifo((dir_ + "/never").c_str(), 0600), 0);
  Install("a", "[ $CNI_COMMAND != STATUS ] || read line < " + dir_ + "/never");
  Configure("a", "1.1.0");
  options_.first_look = 0ms;
  Start();
  EXPECT_FALSE(network_->Check());
  network_.reset();  // the plugin's time limit is a minute; this does not wait for it
}

TEST_F(NodeNetworkTest, AHungPluginIsNotReadyAndIsNamed) {
  ASSERT_EQ(mkfifo((dir_ + "/never").c_str(), 0600), 0);
  Install("a", "[ $CNI_COMMAND != STATUS ] || read line < " + dir_ + "/never");
  Configure("a", "1.1.0");
  options_.plugin_pods.status_timeout_ms = 1;
  Start();
  Result<> judgement = network_->Check();
  ASSERT_FALSE(judgement);
  EXPECT_EQ(judgement.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(judgement.error().ToString(), HasSubstr(dir_ + "/bin/a"));
}

TEST_F(NodeNetworkTest, TheConfigurationsPluginsAreJudged) {
  Install("a", Refuse("STATUS", 50));
  Configure("a", "1.1.0");
  Start();
  EXPECT_THAT(network_->Check().error().ToString(), HasSubstr("not today"));
  Install("a");
  EXPECT_TRUE(Judgement());
  fs::remove(dir_ + "/bin/a");
  EXPECT_THAT(Judgement().error().ToString(), HasSubstr("find network plugin a"));
  std::ofstream(ConfFile()) << "{";
  EXPECT_THAT(Judgement().error().ToString(), HasSubstr(ConfFile()));
}

TEST_F(NodeNetworkTest, PluginsTakeTheBridgesPlaceWhenItHasNoPods) {
  Start();
  RecordedPod pod = RunPod();
  Install("a");
  Configure("a");
  EXPECT_TRUE(Judgement());
  EXPECT_TRUE(BridgeExists());
  ASSERT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_TRUE(Judgement());
  EXPECT_FALSE(BridgeExists());
}

// --- Pod CIDR

TEST_F(NodeNetworkTest, ThePodCidrMovesTheBridgeUnlessPodsAreOnIt) {
  Start();
  RecordedPod pod = RunPod();
  EXPECT_EQ(network_->SetPodCidr("10.99.0.0/24").error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(network_->SetPodCidr("10.80.0.0/16")) << "one of those that it has";
  EXPECT_EQ(stored_cidr_, "");
  ASSERT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_TRUE(network_->SetPodCidr("10.99.0.0/24"));
  EXPECT_EQ(stored_cidr_, "10.99.0.0/24");
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.99.0.2"));
}

TEST_F(NodeNetworkTest, CountersNeedNoRecord) {
  Start();
  RecordedPod pod = RunPod();
  BridgeCounters counters = network_->Counters().value();
  EXPECT_THAT(network_->CountersOf(pod.record.id, counters), SizeIs(1));
  EXPECT_THAT(network_->CountersOf(NewId().value(), counters), IsEmpty());
}

}  // namespace
}  // namespace davit::cri
