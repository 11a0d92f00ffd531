// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How pods come down, and what the next daemon takes over.
#include "cri/network/node_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/file_io.h"
#include "cri/network/testing/node_network_fixture.h"

namespace davit::cri {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

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

// Such a record has nothing but the id: Detach is not called.
TEST_F(NodeNetworkTest, ThePinOfAPodWhoseRecordIsUnreadableGoesWithIt) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  RecordedPod unreadable;
  unreadable.record.id = pod.record.id;
  Restart({unreadable});
  network_->GiveBack(unreadable.record);
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

// --- The plugins' results and checks

TEST_F(NodeNetworkTest, APodWithoutARecordedResultIsTakenDownWithTheCachedOne) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  EXPECT_TRUE(fs::exists(CacheFile(pod)));
  pod.record.plugins->result.clear();  // the daemon died before it wrote the record again
  EXPECT_TRUE(Detach(pod));
  EXPECT_THAT(ReadFile(dir_ + "/input").value(), HasSubstr("\"prevResult\":{"));
  EXPECT_FALSE(fs::exists(CacheFile(pod)));
}

TEST_F(NodeNetworkTest, WhatADetachLeftBehindIsTriedAgainAtTheNextStart) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  fs::rename(dir_ + "/bin/a", dir_ + "/away");
  EXPECT_THAT(*Detach(pod), SizeIs(1));
  EXPECT_TRUE(fs::exists(CacheFile(pod)));
  fs::rename(dir_ + "/away", dir_ + "/bin/a");
  Restart({});
  EXPECT_EQ(Calls().back(), "a DEL netns=");
  EXPECT_FALSE(fs::exists(CacheFile(pod)));
}

TEST_F(NodeNetworkTest, AFormerPodIsGivenUpWhenItsPluginRefuses) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  Install("a", Refuse("DEL"));
  Restart({});
  EXPECT_FALSE(fs::exists(CacheFile(pod)));
  EXPECT_FALSE(fs::exists(Pin(pod)));
}

TEST_F(NodeNetworkTest, OfTheCacheOnlyFormerPodsOfThisDaemonAreTakenDown) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod live = RunPod();
  options_.plugin_pods.plugins.cache_owner = "another";
  Restart({live});
  RecordedPod of_another = RunPod();
  options_.plugin_pods.plugins.cache_owner = "test";
  size_t calls = Calls().size();
  Restart({live});
  EXPECT_EQ(Calls().size(), calls);
  EXPECT_TRUE(fs::exists(CacheFile(live)));
  EXPECT_TRUE(fs::exists(CacheFile(of_another)));
}

TEST_F(NodeNetworkTest, AHungPluginDelaysAStartOnlyOnce) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod one = RunPod();
  RecordedPod two = RunPod();
  ASSERT_EQ(mkfifo((dir_ + "/never").c_str(), 0600), 0);
  Install("a", "[ $CNI_COMMAND != DEL ] || read line < " + dir_ + "/never");
  options_.plugin_pods.collect_timeout_ms = 50;
  Restart({});
  EXPECT_EQ(std::ranges::count_if(Calls(), [](const std::string& call) { return call.contains("DEL"); }), 1);
  EXPECT_TRUE(fs::exists(CacheFile(one)) && fs::exists(CacheFile(two))) << "for the next start";
}

TEST_F(NodeNetworkTest, AfterAStartThePodsOfPluginsAreChecked) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  pod.record.phase = SandboxPhase::kReady;
  EXPECT_THAT(Calls(), Not(Contains(HasSubstr("CHECK")))) << "what ADD has just made";
  Install("a", Refuse("CHECK"));
  Restart({pod});
  EXPECT_TRUE(network_->Check());
  while (network_->Describe().pod_problems.empty()) std::this_thread::yield();
  EXPECT_THAT(network_->Describe().pod_problems.at(pod.record.id), HasSubstr("not today"));
  EXPECT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  EXPECT_THAT(network_->Describe().pod_problems, IsEmpty());
}

TEST_F(NodeNetworkTest, ADetachInterruptsTheCheckOfThePod) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod = RunPod();
  pod.record.phase = SandboxPhase::kReady;
  ASSERT_EQ(mkfifo((dir_ + "/never").c_str(), 0600), 0);
  Install("a", "[ $CNI_COMMAND != CHECK ] || read line < " + dir_ + "/never");
  Restart({pod});
  EXPECT_TRUE(Detach(pod));
  EXPECT_EQ(Calls().back(), "a DEL netns=there");
}

TEST_F(NodeNetworkTest, AnInvalidBandwidthIsRefusedBeforeAPluginIsCalled) {
  Install("a");
  Configure("a");
  Start();
  RecordedPod pod;
  pod.record.id = NewId().value();
  (*pod.config.mutable_annotations())["kubernetes.io/ingress-bandwidth"] = "fast";
  cni::NetNs ns = cni::NetNs::Make();
  ASSERT_TRUE(network_->Choose(pod.record));
  EXPECT_EQ(network_->Attach(pod.config, ns.fd(), pod.record).error().code, Code::kInvalidArgument);
  EXPECT_THAT(Calls(), IsEmpty());
  EXPECT_TRUE(Detach(pod));
}

// --- Recovery

TEST_F(NodeNetworkTest, ABridgeStaysAsItIsWhileAPodRunsOutsideItsNewSubnets) {
  Start();
  RecordedPod pod = RunPod(8080);
  std::vector<cni::Subnet> old = std::exchange(options_.bridge.subnets, {*cni::ParseSubnet("10.99.0.0/24")});
  Restart({pod});
  EXPECT_THAT(problems_, IsEmpty()) << "the pod goes on";
  Result<> judgement = network_->Check();
  ASSERT_FALSE(judgement);
  EXPECT_EQ(judgement.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(judgement.error().ToString(), AllOf(HasSubstr("10.80.0.2"), HasSubstr("10.99.0.0/24"),
                                                  HasSubstr("[network.bridge] subnets")));
  EXPECT_FALSE(ChooseForNextPod());
  EXPECT_THAT(host_->Shell("ip -o address show dev davit0"),
              AllOf(HasSubstr("10.80.0.1/16"), Not(HasSubstr("10.99"))));
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), HasSubstr("8080"));

  options_.bridge.subnets = old;
  Restart({pod});
  EXPECT_TRUE(network_->Check());
  options_.bridge.subnets = {*cni::ParseSubnet("10.99.0.0/24")};
  Restart({pod});
  EXPECT_TRUE(Detach(pod)) << "it can still be stopped";
  network_->GiveBack(pod.record);
  EXPECT_TRUE(Judgement());
  EXPECT_THAT(host_->Shell("nft list table inet davit-0"), Not(HasSubstr("8080")));
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.99.0.2"));
}

TEST_F(NodeNetworkTest, ADeadPodOutsideAnEditedSubnetIsThatPodsAffair) {
  Start();
  RecordedPod stays = RunPod(8080);
  RecordedPod dead = RunPod(8081);
  host_->Shell("ip link delete " + dead.record.host_interface);
  dead.record.addresses = {"10.99.0.2", "fd00:80::3"};
  Restart({stays, dead});
  EXPECT_TRUE(network_->Check());
  ASSERT_THAT(problems_, SizeIs(1));
  EXPECT_THAT(problems_.at(dead.record.id).ToString(), HasSubstr("10.99.0.2"));
  RecordedPod next = RunPod();
  EXPECT_THAT(next.record.addresses, ElementsAre("10.80.0.3", "fd00:80::4"))
      << "the address that the pod can keep stays taken";
  EXPECT_TRUE(Detach(dead)) << "and it can still be stopped";
  network_->GiveBack(dead.record);
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

TEST_F(NodeNetworkTest, AnAddressIsNotReusedRightAfterARestart) {
  std::string mark;
  options_.address_mark.put = [&](const std::string& addresses) {
    mark = addresses;
    return Result<>();
  };
  Start();
  RecordedPod pod = RunPod();
  EXPECT_THAT(pod.record.addresses, ElementsAre("10.80.0.2", "fd00:80::2"));
  ASSERT_TRUE(Detach(pod));
  network_->GiveBack(pod.record);
  options_.address_mark.value = mark;
  Restart({});
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.80.0.34", "fd00:80::22"));
}

TEST_F(NodeNetworkTest, AMarkThatCannotBeStoredFailsNoPod) {
  options_.address_mark.put = [](const std::string&) {
    return Fail(Code::kResourceExhausted, "write", "disk");
  };
  Start();
  RunPod();
}

// As a kernel with ipv6.disable=1: it has no such settings.
TEST_F(NodeNetworkTest, OnAKernelWithoutIpv6PodsGetIpv4) {
  NsHandle mounts = NsHandle::OfSelf("mnt").value();
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(mount("none", "/proc/sys/net/ipv6", "tmpfs", 0, nullptr), 0);
  Start();
  EXPECT_TRUE(network_->Check());
  EXPECT_THAT(RunPod().record.addresses, ElementsAre("10.80.0.2"));
  network_.reset();
  ASSERT_TRUE(mounts.Enter(CLONE_NEWNS));
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

}  // namespace
}  // namespace davit::cri
