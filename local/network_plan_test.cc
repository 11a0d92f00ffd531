// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/network_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::local {
namespace {

namespace api = ::davit::v1;

using testing::ElementsAre;
using testing::HasSubstr;

api::NetworkSpec Spec(const std::vector<std::string>& subnets,
                      const std::vector<std::string>& gateways = {}) {
  api::NetworkSpec spec;
  for (const std::string& subnet : subnets) spec.add_subnets(subnet);
  for (const std::string& gateway : gateways) spec.add_gateways(gateway);
  return spec;
}

TakenSubnet Taken(const char* subnet, const char* by = "eth0") {
  return {cni::ParseSubnet(subnet).value(), by};
}

std::vector<std::string> Texts(const auto& values) {
  std::vector<std::string> texts;
  for (const auto& value : values) texts.push_back(value.ToString());
  return texts;
}

TEST(NetworkPlan, TakesTheFirstFreeSubnet) {
  EXPECT_THAT(Texts(PlanNetwork(Spec({}), {})->subnets), ElementsAre("10.89.0.0/24"));
  std::vector<TakenSubnet> taken = {Taken("10.89.0.0/24"), Taken("10.89.1.128/25"), Taken("192.0.2.0/24")};
  NetworkPlan plan = PlanNetwork(Spec({}), taken).value();
  EXPECT_THAT(Texts(plan.subnets), ElementsAre("10.89.2.0/24"));
  EXPECT_THAT(Texts(plan.gateways), ElementsAre("10.89.2.1"));
  EXPECT_EQ(PlanNetwork(Spec({}), {Taken("10.0.0.0/8")}).error().code, Code::kResourceExhausted);
}

TEST(NetworkPlan, TakesWhatIsNamed) {
  NetworkPlan plan = PlanNetwork(Spec({"fd00:89::/64", "10.9.0.0/16"}, {"10.9.0.254"}), {}).value();
  EXPECT_THAT(Texts(plan.subnets), ElementsAre("10.9.0.0/16", "fd00:89::/64"));
  EXPECT_THAT(Texts(plan.gateways), ElementsAre("10.9.0.254", "fd00:89::1"));
}

TEST(NetworkPlan, NamesWhatOverlaps) {
  Result<NetworkPlan> plan = PlanNetwork(Spec({"10.9.0.0/16"}), {Taken("10.9.7.0/24", "eth1")});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(plan.error().ToString(), HasSubstr("it overlaps 10.9.7.0/24 of eth1"));
}

TEST(NetworkPlan, RefusesBadSpecs) {
  const std::vector<api::NetworkSpec> kBad = {
      Spec({"10.9.0.0"}),
      Spec({"10.9.0.1/24"}),
      Spec({"10.9.0.0/31"}),
      Spec({"10.9.0.0/24", "10.8.0.0/24"}),
      Spec({"224.0.0.0/24"}),
      Spec({"255.255.255.0/24"}),
      Spec({"127.0.0.0/24"}),
      Spec({"169.254.0.0/24"}),
      Spec({"0.0.0.0/8"}),
      Spec({"128.0.0.0/2"}),
      Spec({"ff02::/64"}),
      Spec({"fe80::/64"}),
      Spec({"::ffff:10.1.0.0/120"}),
      Spec({"10.9.0.0/24"}, {"10.8.0.1"}),
      Spec({"10.9.0.0/24"}, {"x"}),
      Spec({"10.9.0.0/24"}, {"10.9.0.1", "10.9.0.2"}),
  };
  for (const api::NetworkSpec& bad : kBad)
    EXPECT_EQ(PlanNetwork(bad, {}).error().code, Code::kInvalidArgument) << bad.DebugString();
}

TEST(NetworkPlan, NamesAreLabelsOfDns) {
  for (const char* good : {"back", "a", "my_app.default", "0"}) EXPECT_TRUE(CheckNetworkName(good)) << good;
  for (const std::string& bad : {std::string(), std::string("-a"), std::string("a b"), std::string("a/b"),
                                 std::string("host"), std::string("bridge"), std::string(64, 'a')})
    EXPECT_EQ(CheckNetworkName(bad).error().code, Code::kInvalidArgument) << bad;
}

TEST(NetworkPlan, WantedAddressesAreThoseOfContainers) {
  NetworkPlan plan = PlanNetwork(Spec({"10.9.0.0/24", "fd00:9::/64"}), {}).value();
  auto check = [&](const std::vector<std::string>& addresses) {
    api::ContainerSpec spec;
    spec.set_network(api::ContainerSpec::USER);
    spec.set_network_name("back");
    for (const std::string& address : addresses) spec.add_network_addresses(address);
    Result<> use = CheckNetworkUse(spec);
    return use ? CheckWantedAddresses(spec, plan) : use;
  };
  EXPECT_TRUE(check({"10.9.0.2", "fd00:9::2"}));
  for (const char* bad : {"10.9.0.0", "10.9.0.1", "10.9.0.255", "10.8.0.2", "fd00:8::2", "x"})
    EXPECT_EQ(check({bad}).error().code, Code::kInvalidArgument) << bad;
  EXPECT_FALSE(check({"10.9.0.2", "10.9.0.3"}));
}

TEST(NetworkPlan, OnlyANetworkOfUsersHasAliases) {
  api::ContainerSpec spec;
  EXPECT_TRUE(CheckNetworkUse(spec));
  spec.add_network_aliases("db");
  EXPECT_FALSE(CheckNetworkUse(spec));
  spec.set_network(api::ContainerSpec::USER);
  EXPECT_FALSE(CheckNetworkUse(spec)) << "which one?";
  spec.set_network_name("back");
  EXPECT_TRUE(CheckNetworkUse(spec));
  spec.add_network_aliases("a b");
  EXPECT_FALSE(CheckNetworkUse(spec));
}

}  // namespace
}  // namespace davit::local
