// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class NetworksTest : public ::testing::Test {
 protected:
  Networks& networks() { return world_.networks(); }

  std::string Create(const std::string& name, const api::NetworkSpec& spec = {}) {
    Result<std::string> id = networks().Create(name, spec);
    EXPECT_TRUE(id) << id.error().ToString();
    return id.value_or("");
  }
  static api::ContainerSpec On(const std::string& network) {
    api::ContainerSpec spec = LocalWorld::Spec();
    spec.set_network(api::ContainerSpec::USER);
    spec.set_network_name(network);
    spec.add_network_aliases("alias");
    return spec;
  }
  // Whether the network's responder knows the name.
  bool Answers(const std::string& network, const std::string& name) {
    auto served = world_.names.served.find(network);
    if (served == world_.names.served.end()) return false;
    auto addresses = served->second.names->Find(name);
    return addresses && !addresses->empty();
  }
  // What is left of all networks.
  std::vector<std::string> Leftovers() {
    std::vector<std::string> left;
    const std::vector<cri::LocalRow> rows = world_.network_store.Networks().value();
    for (const cri::LocalRow& row : rows) left.push_back("row " + row.id);
    for (const auto& [bridge, device] : world_.bridges.devices) left.push_back("bridge " + bridge);
    for (const auto& [network, served] : world_.names.served) left.push_back("responder of " + network);
    return left;
  }

  LocalWorld world_;
};

TEST_F(NetworksTest, AreMadeWithABridgeAndAResponder) {
  std::string id = Create("back");
  ASSERT_TRUE(world_.bridges.known().contains(id));
  cri::UserNetwork bridge = world_.bridges.known().at(id);
  EXPECT_EQ(bridge.bridge, "davit" + id.substr(0, 10));
  EXPECT_EQ(bridge.subnets.front().ToString(), "10.89.0.0/24");
  const dns::ServerConfig& served = world_.names.served.at(id).config;
  EXPECT_EQ(served.device, world_.bridges.DeviceOf(bridge.bridge));
  EXPECT_EQ(served.addresses.front().ToString(), "10.89.0.1");
  EXPECT_TRUE(served.zone.forwards);
  api::Network network = networks().Inspect("back").value();
  EXPECT_EQ(network.id(), id);
  EXPECT_THAT(network.spec().subnets(), ElementsAre("10.89.0.0/24"));
  EXPECT_THAT(network.spec().gateways(), ElementsAre("10.89.0.1"));
}

TEST_F(NetworksTest, AnInternalOneForwardsNoQuestions) {
  api::NetworkSpec spec;
  spec.set_internal(true);
  std::string id = Create("inside", spec);
  EXPECT_FALSE(world_.names.served.at(id).config.zone.forwards);
  EXPECT_TRUE(world_.bridges.known().at(id).internal);
}

TEST_F(NetworksTest, HaveNamesAndSubnetsOfTheirOwn) {
  std::string first = Create("back");
  Result<std::string> again = networks().Create("back", {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_THAT(again.error().ToString(), HasSubstr(first.substr(0, 12)));
  Create("front");
  EXPECT_THAT(networks().Inspect("front")->spec().subnets(), ElementsAre("10.89.1.0/24"));
  api::NetworkSpec of_node;
  of_node.add_subnets("10.88.7.0/24");
  EXPECT_THAT(networks().Create("third", of_node).error().ToString(), HasSubstr("davit0"));
  EXPECT_THAT(networks().List(), SizeIs(2));
}

TEST_F(NetworksTest, AreFoundByTheBeginningOfTheirIds) {
  std::string id = Create("back");
  EXPECT_EQ(networks().Inspect(id.substr(0, 12))->name(), "back");
  EXPECT_EQ(networks().Inspect("front").error().code, Code::kNotFound);
  EXPECT_EQ(networks().Inspect("").error().code, Code::kNotFound);
}

TEST_F(NetworksTest, AFailedStepLeavesNothing) {
  for (const char* step : {"store.PutNetwork", "bridges.Add", "names.Serve"}) {
    SCOPED_TRACE(step);
    world_.world.steps.Fail(step);
    EXPECT_FALSE(networks().Create("back", {}));
    EXPECT_THAT(Leftovers(), IsEmpty());
    EXPECT_THAT(networks().List(), IsEmpty());
  }
  Create("back");
}

TEST_F(NetworksTest, ARemovalThatFailsCanBeRepeated) {
  for (const char* step : {"bridges.Remove", "store.DeleteNetwork"}) {
    SCOPED_TRACE(step);
    Create("back");
    world_.world.steps.Fail(step);
    EXPECT_FALSE(networks().Remove("back"));
    EXPECT_THAT(networks().Inspect("back")->problem(), HasSubstr("not removed"));
    EXPECT_EQ(world_.local().Create("db", On("back")).error().code, Code::kInvalidArgument)
        << "it is on its way out";
    EXPECT_TRUE(networks().Remove("back"));
    EXPECT_THAT(Leftovers(), IsEmpty());
  }
}

TEST_F(NetworksTest, AnUndoThatFailsLeavesANetworkThatCanBeRemoved) {
  world_.world.steps.Fail("names.Serve");
  world_.world.steps.Fail("bridges.Remove");
  EXPECT_FALSE(networks().Create("back", {}));
  const std::vector<api::Network> left = networks().List();
  for (const api::Network& network : left) EXPECT_TRUE(networks().Remove(network.id()));
  EXPECT_THAT(Leftovers(), IsEmpty());
}

TEST_F(NetworksTest, ARunningContainerIsKnownByNameAliasAndId) {
  std::string id = Create("back");
  std::string container = world_.RunContainer("db", On("back"));
  for (const std::string& name :
       {std::string("db"), std::string("alias"), container, container.substr(0, 12)})
    EXPECT_TRUE(Answers(id, name)) << name;
  EXPECT_THAT(networks().Inspect("back")->containers(0).addresses(), SizeIs(1));
  ASSERT_TRUE(world_.local().Rename("db", "data"));
  EXPECT_TRUE(Answers(id, "data"));
  EXPECT_FALSE(Answers(id, "db"));
  ASSERT_TRUE(world_.local().Stop("data", 0, world_.Deadline()));
  EXPECT_FALSE(Answers(id, "data"));
  EXPECT_THAT(networks().Inspect("back")->containers(0).addresses(), IsEmpty());
}

TEST_F(NetworksTest, StayWhileContainersUseThem) {
  std::string id = Create("back");
  world_.RunContainer("db", On("back"));
  ASSERT_TRUE(world_.local().Create("idle", On(id)));
  ASSERT_TRUE(world_.local().Remove("db", /*force=*/true, world_.Deadline()));
  Result<std::string> refused = networks().Remove("back");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.error().ToString(), HasSubstr("idle"));
  EXPECT_THAT(networks().Prune().value(), IsEmpty());
  ASSERT_TRUE(world_.local().Remove("idle", /*force=*/false, world_.Deadline()));
  EXPECT_THAT(networks().Prune().value(), ElementsAre("back"));
  EXPECT_THAT(Leftovers(), IsEmpty());
}

TEST_F(NetworksTest, AContainerOfANetworkThatDoesNotExistIsRefused) {
  EXPECT_EQ(world_.local().Create("db", On("back")).error().code, Code::kInvalidArgument);
  Create("back");
  api::ContainerSpec elsewhere = On("back");
  elsewhere.add_network_addresses("192.0.2.1");
  EXPECT_EQ(world_.local().Create("db", elsewhere).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(networks().Remove("back")) << "a refused container is none of its members";
}

TEST_F(NetworksTest, SurviveTheDaemonWithTheNamesOfWhatRuns) {
  std::string id = Create("back");
  world_.RunContainer("db", On("back"));
  world_.Restart([&] { EXPECT_FALSE(Answers(id, "db")); });
  EXPECT_TRUE(world_.bridges.known().contains(id));
  EXPECT_EQ(networks().Inspect("back")->spec().subnets(0), "10.89.0.0/24");
  EXPECT_TRUE(Answers(id, "db"));
  EXPECT_TRUE(Answers(id, "alias"));
  EXPECT_EQ(networks().Remove("back").error().code, Code::kFailedPrecondition);
  ASSERT_TRUE(world_.local().Remove("db", /*force=*/true, world_.Deadline()));
  EXPECT_TRUE(networks().Remove("back"));
}

TEST_F(NetworksTest, OneWhoseRecordCannotBeReadStaysApart) {
  std::string id = Create("back");
  ASSERT_TRUE(world_.network_store.PutNetwork({id, "\xff"}));
  world_.Restart();
  EXPECT_FALSE(networks().Inspect("back"));
  EXPECT_THAT(world_.bridges.sealed, ElementsAre("davit" + id.substr(0, 10)));
}

TEST_F(NetworksTest, ABridgeThatWasMadeAnewIsServedAgain) {
  std::string id = Create("back");
  std::string other = Create("front");
  uint32_t before = world_.names.DeviceOf(id).value();
  uint32_t of_other = world_.names.DeviceOf(other).value();
  world_.bridges.devices.erase(networks().Inspect("back")->bridge());
  ASSERT_TRUE(world_.bridges.Look());
  EXPECT_NE(world_.names.DeviceOf(id), before);
  EXPECT_EQ(world_.names.DeviceOf(other), of_other);
}

TEST_F(NetworksTest, AProblemWithOneIsShownAndTriedAgain) {
  std::string id = Create("back");
  world_.bridges.devices.clear();
  world_.world.steps.Fail("names.Serve");
  EXPECT_FALSE(world_.bridges.Look()) << "so that the look is repeated";
  EXPECT_THAT(networks().Inspect("back")->problem(), HasSubstr("names.Serve"));
  EXPECT_TRUE(world_.bridges.Look());
  EXPECT_EQ(networks().Inspect("back")->problem(), "");
}

TEST_F(NetworksTest, APodAsksItsGateway) {
  std::string id = Create("back");
  api::ContainerSpec spec = On("back");
  spec.add_dns_servers("192.0.2.53");
  spec.add_network_addresses("10.89.0.9");
  ASSERT_TRUE(networks().AddMember("c", "db", spec));
  PodRequest request;
  request.pod.mutable_dns_config()->add_servers("192.0.2.53");
  ASSERT_TRUE(networks().Prepare("c", spec, request));
  EXPECT_THAT(request.pod.dns_config().servers(), ElementsAre("10.89.0.1"));
  EXPECT_EQ(request.network.user_network, id);
  EXPECT_THAT(request.network.addresses, ElementsAre("10.89.0.9"));
  networks().Join("c", {"10.89.0.9"});
  EXPECT_THAT(world_.names.served.at(id).names->ServersOf(cni::IpAddress::Parse("10.89.0.9").value()),
              ElementsAre(dns::ServerAddress{cni::IpAddress::Parse("192.0.2.53").value()}))
      << "it asks them for what it does not know";
  EXPECT_EQ(networks().Prepare("unknown", spec, request).error().code, Code::kFailedPrecondition);
}

TEST_F(NetworksTest, ThereAreOnlySoMany) {
  for (size_t i = 0; i < Networks::kMost; ++i) Create("n" + std::to_string(i));
  EXPECT_EQ(networks().Create("more", {}).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace davit::local
