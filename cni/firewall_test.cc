// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Firewalls that drop what is forwarded: where others accept packets of their containers, pods' are accepted,
// too; elsewhere the chain is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/ns_handle.h"
#include "cni/testing/bridge_fixture.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FirewallTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    bridge_ = Bridge::Open(Config()).value();
    web_.emplace(StartPod(*bridge_, {{kTcp, "", 8080, 80}}));
  }

  std::string Reconcile() {
    Result<RepairReport> report = bridge_->Reconcile();
    if (!report) return report.error().ToString();
    std::string text;
    for (const std::string& what : report->repaired) text += what + "\n";
    return text;
  }
  // A table that drops all but what the rule accepts.
  static std::string WithRule(const std::string& rule) {
    return "nft flush ruleset; nft -f - <<'END'\ntable inet fw {\n set trusted {\n  type ifname\n"
           "  elements = { \"davit0\", \"cni0\" }\n }\n chain forward {\n"
           "  type filter hook forward priority 0\n  policy drop\n  " +
           rule + "\n }\n}\nEND";
  }
  void ExpectThatPodsAreForwarded() {
    Endpoint server4 = Serve(web_->ns, kTcp, kAny4, 80);
    EXPECT_EQ(Call(*outside_, kTcp, server4, kHostIpv4, 8080), "192.0.2.2");
    server4.fd.Reset();
    Endpoint server6 = Serve(web_->ns, kTcp, web_->ipv6(), 80);
    EXPECT_EQ(Call(*outside_, kTcp, server6, kHostIpv6, 8080), "2001:db8::2");
    Endpoint elsewhere = Serve(*outside_, kTcp, Ip("192.0.2.2"));
    EXPECT_EQ(Call(web_->ns, kTcp, elsewhere, "192.0.2.2", elsewhere.port), kHostIpv4);
  }

  std::unique_ptr<Bridge> bridge_;
  std::optional<Pod> web_;
};

// The two programs of a kind keep different rules.
class Iptables : public FirewallTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    FirewallTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (system(
            (Program("iptables") + " -S >/dev/null 2>&1 && " + Program("ip6tables") + " -S >/dev/null 2>&1")
                .c_str()) != 0)
      GTEST_SKIP() << "needs " << Program("iptables") << " and its kernel modules";
  }
  static std::string Program(const std::string& kind) { return kind + "-" + GetParam(); }
  void DropForwarded() {
    for (const char* kind : {"iptables", "ip6tables"})
      host_->Shell(Program(kind) + " -F FORWARD; " + Program(kind) + " -P FORWARD DROP");
  }
  std::string Rules() {
    return host_->Shell(Program("iptables") + " -S FORWARD; " + Program("ip6tables") + " -S FORWARD");
  }
};

INSTANTIATE_TEST_SUITE_P(Programs, Iptables, ::testing::Values("nft", "legacy"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(Iptables, AChainThatDropsAcceptsPodsAgain) {
  DropForwarded();
  EXPECT_THAT(Reconcile(), AllOf(HasSubstr(Program("iptables") + " dropped"),
                                 HasSubstr(Program("ip6tables") + " dropped")));
  ExpectThatPodsAreForwarded();
  EXPECT_THAT(Rules(),
              AllOf(HasSubstr("-i davit0"), HasSubstr("-o davit0"), HasSubstr("davit: from pods on davit0")));
  EXPECT_EQ(Reconcile(), "") << "it is enough once";
}

TEST_P(Iptables, AFlushedChainAcceptsPodsAgain) {
  DropForwarded();
  Reconcile();
  DropForwarded();
  EXPECT_THAT(Reconcile(), HasSubstr("dropped"));
  ExpectThatPodsAreForwarded();
}

TEST_P(Iptables, ARuleOfOthersOrHalfOfOursIsNotEnough) {
  DropForwarded();
  for (const char* kind : {"iptables", "ip6tables"})
    host_->Shell(Program(kind) + " -A INPUT -i davit0 -j ACCEPT; " + Program(kind) +
                 " -A FORWARD -i davit0 -p icmp -j ACCEPT");
  EXPECT_THAT(Reconcile(), HasSubstr("dropped"));
  ExpectThatPodsAreForwarded();
  for (const char* kind : {"iptables", "ip6tables"})
    host_->Shell(Program(kind) + " -D FORWARD $(" + Program(kind) +
                 " -S FORWARD | grep -n -- '-o davit0' | " + "awk -F: '{ print $1 - 1 }')");
  EXPECT_THAT(Reconcile(), HasSubstr("dropped"));
  ExpectThatPodsAreForwarded();
  EXPECT_EQ(Reconcile(), "");
}

TEST_P(Iptables, WhatTheOwnerDropsStaysDropped) {
  DropForwarded();
  host_->Shell(Program("iptables") + " -A FORWARD -d 192.0.2.2 -p udp -j DROP");
  Reconcile();
  std::string rules = host_->Shell(Program("iptables") + " -S FORWARD");
  EXPECT_LT(rules.find("-j DROP"), rules.find("-i davit0"));
}

TEST_P(Iptables, TheOutsideReachesNoPodThatPublishesNothing) {
  outside_->Shell("ip route add 10.80.0.0/16 via 192.0.2.1");
  DropForwarded();
  Reconcile();
  Pod quiet = StartPod(*bridge_);
  Endpoint service = Serve(quiet.ns, kUdp, kAny4, 5000);
  Send(*outside_, quiet.ipv4().ToString(), 5000, "unwanted");
  Send(*host_, quiet.ipv4().ToString(), 5000, "from the host");
  EXPECT_EQ(Receive(service), "from the host");
}

TEST_P(Iptables, AChainThatAcceptsIsLeftAlone) {
  std::string before = Rules();
  EXPECT_EQ(Reconcile(), "");
  EXPECT_EQ(Rules(), before);
}

TEST_P(Iptables, TheRulesGoWithTheBridge) {
  DropForwarded();
  Reconcile();
  ASSERT_TRUE(bridge_->Destroy());
  EXPECT_THAT(Rules(), Not(HasSubstr("davit0")));
}

// The last rule of iptables-services and of many administrators.
TEST_P(Iptables, AChainThatEndsWithARejectionAcceptsPodsBeforeIt) {
  for (const char* kind : {"iptables", "ip6tables"})
    host_->Shell(Program(kind) + " -F FORWARD; " + Program(kind) + " -A FORWARD -p udp --dport 9 -j DROP; " +
                 Program(kind) + " -A FORWARD -j REJECT");
  EXPECT_THAT(Reconcile(), AllOf(HasSubstr(Program("iptables") + " dropped"),
                                 HasSubstr(Program("ip6tables") + " dropped")));
  ExpectThatPodsAreForwarded();
  std::string rules = host_->Shell(Program("iptables") + " -S FORWARD");
  EXPECT_LT(rules.find("-j DROP"), rules.find("-i davit0"));
  EXPECT_LT(rules.find("-o davit0"), rules.find("-j REJECT"));
  EXPECT_EQ(Reconcile(), "") << "it is enough once";
}

TEST_P(Iptables, RulesOfOursBehindADropAreNotEnough) {
  DropForwarded();
  Reconcile();
  for (const char* kind : {"iptables", "ip6tables"}) host_->Shell(Program(kind) + " -I FORWARD -j DROP");
  EXPECT_THAT(Reconcile(), HasSubstr("dropped"));
  ExpectThatPodsAreForwarded();
  std::string rules = host_->Shell(Program("iptables") + " -S FORWARD");
  EXPECT_EQ(rules.find("-i davit0"), rules.rfind("-i davit0")) << "those behind it have gone";
}

TEST_P(Iptables, RulesOfFormerVersionsAreReplaced) {
  DropForwarded();
  for (const char* kind : {"iptables", "ip6tables"})
    for (const char* match : {"-i davit0", "-o davit0 -m conntrack --ctstate RELATED,ESTABLISHED,DNAT"})
      host_->Shell(Program(kind) + " -I FORWARD " + match +
                   " -m comment --comment 'davit: pods on davit0' -j ACCEPT");
  EXPECT_THAT(Reconcile(), HasSubstr("does not use any more"));
  EXPECT_THAT(Rules(),
              AllOf(Not(HasSubstr("davit: pods on davit0")), HasSubstr("davit: from pods on davit0")));
  ExpectThatPodsAreForwarded();
  EXPECT_EQ(Reconcile(), "");
}

TEST_P(Iptables, RulesOfFormerVersionsGoFromAChainThatAccepts) {
  host_->Shell(Program("iptables") +
               " -A FORWARD -i davit0 -m comment --comment 'davit: pods on davit0' -j ACCEPT");
  EXPECT_THAT(Reconcile(), HasSubstr("does not use any more"));
  EXPECT_THAT(Rules(), Not(HasSubstr("davit0")));
  EXPECT_EQ(Reconcile(), "");
}

// A bridge that lets everything into pods, and then does not.
TEST_P(Iptables, RulesForAnotherSettingGo) {
  bridge_.reset();
  BridgeConfig config = Config();
  config.filter_bridged = true;
  bridge_ = Bridge::Open(config).value();
  DropForwarded();
  Reconcile();
  EXPECT_THAT(Rules(), HasSubstr("davit: into pods on davit0"));
  bridge_.reset();
  bridge_ = Bridge::Open(Config()).value();
  Reconcile();
  EXPECT_THAT(Rules(), AllOf(Not(HasSubstr("davit: into pods")), HasSubstr("davit: answers into pods")));
}

TEST_P(Iptables, WhoDropsIsDescribed) {
  Reconcile();
  EXPECT_TRUE(bridge_->State().forward_drops.empty());
  DropForwarded();
  Reconcile();
  std::vector<ForwardDrop> drops = bridge_->State().forward_drops;
  ASSERT_EQ(drops.size(), 2u);
  for (const ForwardDrop& drop : drops) {
    EXPECT_THAT(drop.chain, HasSubstr("chain FORWARD"));
    EXPECT_EQ(drop.reason, "its policy is to drop");
    EXPECT_EQ(drop.pods, ForwardDrop::Pods::kAcceptedByUs);
  }
}

TEST_F(FirewallTest, AProgramThatIsMissingIsNoJudgement) {
  std::string program = host_->Shell("readlink -f /usr/sbin/iptables-legacy || true");
  program = program.substr(0, program.find('\n'));
  if (access(program.c_str(), X_OK) != 0 || system("iptables-legacy -S >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "needs iptables-legacy and its kernel modules";
  NsHandle mounts = NsHandle::OfSelf("mnt").value();
  ASSERT_EQ(unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(mount("/dev/null", program.c_str(), nullptr, MS_BIND, nullptr), 0);
  Result<RepairReport> report = bridge_->Reconcile();
  EXPECT_TRUE(mounts.Enter(CLONE_NEWNS));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->firewall_unknown, HasSubstr("iptables-legacy: the program is not installed"));
  EXPECT_EQ(bridge_->Reconcile()->firewall_unknown, "");
}

TEST_F(FirewallTest, AChainOfOthersThatDropsIsNamed) {
  host_->Shell(
      "nft -f - <<'END'\ntable inet fw {\n chain forward {\n  type filter hook forward priority 0\n"
      "  policy drop\n  ct state established accept\n }\n}\nEND");
  EXPECT_THAT(Reconcile(), AllOf(HasSubstr("table inet fw, chain forward"), HasSubstr("interface davit0")));
  host_->Shell("nft flush ruleset");
  EXPECT_EQ(Reconcile(), "");
}

// The form of firewalld's table: the policy is to accept, and the last rule rejects what no zone has
// accepted.
constexpr char kFirewalld[] =
    "nft -f - <<'END'\ntable inet firewalld {\n chain zones {\n  ZONE\n }\n chain filter_FORWARD {\n"
    "  type filter hook forward priority 10\n  policy accept\n  ct state established,related accept\n"
    "  ct status dnat accept\n  iifname \"lo\" accept\n  ct state invalid drop\n  jump zones\n"
    "  REJECT\n }\n}\nEND";

std::string Firewalld(const std::string& zone, const std::string& reject) {
  std::string script = kFirewalld;
  script.replace(script.find("ZONE"), 4, zone);
  return "nft flush ruleset; " + script.replace(script.find("REJECT"), 6, reject);
}

TEST_F(FirewallTest, AChainThatEndsWithARejectionIsNamed) {
  for (const char* reject : {"reject with icmpx admin-prohibited", "counter drop", "log prefix \"x\" drop"}) {
    host_->Shell(Firewalld("oifname \"up0\" goto zones2\n }\n chain zones2 {\n", reject));
    EXPECT_THAT(Reconcile(), AllOf(HasSubstr("table inet firewalld, chain filter_FORWARD"),
                                   HasSubstr("its rule 6 drops or rejects")))
        << reject;
    std::vector<ForwardDrop> drops = bridge_->State().forward_drops;
    ASSERT_EQ(drops.size(), 1u);
    EXPECT_EQ(drops[0].pods, ForwardDrop::Pods::kDropped);
  }
}

TEST_F(FirewallTest, AZoneWithTheBridgeIsEnough) {
  host_->Shell(Firewalld("iifname \"davit0\" accept", "reject with icmpx admin-prohibited"));
  EXPECT_EQ(Reconcile(), "");
  std::vector<ForwardDrop> drops = bridge_->State().forward_drops;
  ASSERT_EQ(drops.size(), 1u);
  EXPECT_EQ(drops[0].pods, ForwardDrop::Pods::kLeftToOwner);
}

TEST_F(FirewallTest, ARuleThatDropsSomethingDropsNotEverything) {
  for (const char* rule : {"ip daddr 192.0.2.77 drop", "tcp dport 25 reject", "iifname \"eth7\" counter drop",
                           "limit rate over 10/second drop", "accept"}) {
    host_->Shell(Firewalld("", rule));
    EXPECT_EQ(Reconcile(), "") << rule;
  }
}

TEST_F(FirewallTest, PodsAreTakenOverWhateverTheFirewallsOfOthersDo) {
  bridge_.reset();
  host_->Shell(
      "nft -f - <<'END'\ntable inet fw {\n chain forward {\n  type filter hook forward priority 0\n"
      "  policy drop\n }\n}\nEND");
  bridge_ = Bridge::Open(Config()).value();
  Result<std::map<std::string, Error>> problems = bridge_->Collect({{web_->id, web_->attachment}});
  ASSERT_TRUE(problems) << problems.error().ToString();
  EXPECT_THAT(*problems, ::testing::IsEmpty());
  EXPECT_THAT(Reconcile(), HasSubstr("table inet fw, chain forward"));
}

TEST_F(FirewallTest, AChainOfOthersThatKnowsThePodsIsTheirAffair) {
  for (const char* rule :
       {"iifname davit0 accept", "ip saddr 10.80.0.0/16 accept", "ip6 daddr fd00:80::/64 accept",
        "iifname \"davit*\" accept", "ip daddr 10.0.0.0/8 accept", "ip saddr 10.64.0.0/10 accept"}) {
    host_->Shell("nft flush ruleset; nft -f - <<'END'\ntable inet fw {\n chain pods {\n  " +
                 std::string(rule) +
                 "\n }\n chain forward {\n  type filter hook forward priority 0\n  policy drop\n  jump "
                 "pods\n }\n}\nEND");
    EXPECT_EQ(Reconcile(), "") << rule;
  }
}

TEST_F(FirewallTest, SetsThatHaveThePodsKnowThem) {
  const std::string accepted[] = {"iifname { \"eth7\", \"davit0\" } accept",
                                  "iifname @trusted accept",
                                  "iifname vmap { \"eth7\" : drop, \"davit0\" : accept }",
                                  "ip saddr { 10.64.0.0/10, 192.168.0.0/16 } accept",
                                  "ip daddr { 10.79.0.0-10.81.255.255 } accept",
                                  "ip saddr { 10.80.0.0/17, 10.80.128.0/17 } accept",
                                  "ip6 saddr { fd00::/8 } accept",
                                  "ip6 saddr { ffff::/16, fd00:80::/64 } accept",
                                  "ip saddr { 0.0.0.0/1, 224.0.0.0/3 } accept"};
  for (const std::string& rule : accepted) {
    host_->Shell(WithRule(rule));
    EXPECT_EQ(Reconcile(), "") << rule;
  }
  const std::string others[] = {"iifname { \"eth7\", \"davit01\" } accept",
                                "ip saddr { 10.80.0.0/17 } accept",
                                "ip saddr { 10.80.0.0, 10.80.0.1 } accept",
                                "ip saddr 10.80.1.0-10.81.0.0 accept",
                                "ip saddr != 10.79.0.0-10.81.255.255 accept",
                                "ip6 saddr { fd00:81::/64 } accept",
                                "tcp dport { 80, 443 } accept",
                                "ip saddr { 128.0.0.0/1 } accept"};
  for (const std::string& rule : others) {
    host_->Shell(WithRule(rule));
    EXPECT_THAT(Reconcile(), HasSubstr("table inet fw")) << rule;
  }
}

TEST_F(FirewallTest, ADormantTableDropsNothing) {
  host_->Shell(
      "nft -f - <<'END'\ntable inet fw {\n flags dormant\n chain forward {\n"
      "  type filter hook forward priority 0\n  policy drop\n }\n}\nEND");
  EXPECT_EQ(Reconcile(), "");
}

TEST_F(FirewallTest, OtherNetworksAndInterfacesAreNotThePods) {
  for (const char* rule : {"iifname davit01 accept", "iifname \"docker*\" accept",
                           "ip saddr 10.81.0.0/16 accept", "ip saddr 10.80.7.0/24 accept"}) {
    host_->Shell(
        "nft flush ruleset; nft -f - <<'END'\ntable inet fw {\n chain forward {\n"
        "  type filter hook forward priority 0\n  policy drop\n  " +
        std::string(rule) + "\n }\n}\nEND");
    EXPECT_THAT(Reconcile(), HasSubstr("table inet fw")) << rule;
  }
}

TEST_F(FirewallTest, ChainsOfOtherHooksAndFamiliesDoNotMatter) {
  host_->Shell(
      "nft -f - <<'END'\ntable inet fw {\n chain input {\n  type filter hook input priority 0\n"
      "  policy drop\n  accept\n }\n}\ntable bridge fw {\n chain forward {\n"
      "  type filter hook forward priority 0\n  policy drop\n  accept\n }\n}\nEND");
  EXPECT_EQ(Reconcile(), "");
}

}  // namespace
}  // namespace davit::cni
