// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge as a process: every command of every version, and what it answers to wrong requests.
#include <gmock/gmock.h>

#include <functional>

#include "cni/davit_bridge/testing/plugin_world.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EveryVersion : public DavitBridgeTest, public ::testing::WithParamInterface<const char*> {
 protected:
  bool IsAtLeast(const std::string& version) const { return GetParam() >= version; }
};

TEST_P(EveryVersion, AttachesChecksAndDetaches) {
  Json network = Network();
  network["cniVersion"] = GetParam();
  Container container = NewContainer();
  Json result = Add(container, network);
  EXPECT_EQ(result["cniVersion"], GetParam());
  ASSERT_EQ(result["ips"].size(), 2u);
  EXPECT_EQ(result["ips"][0].contains("version"), !IsAtLeast("1.0.0"));
  EXPECT_EQ(result["ips"][0]["interface"], 2);
  ASSERT_EQ(result["interfaces"].size(), 3u);
  EXPECT_EQ(result["interfaces"][2].contains("mtu"), IsAtLeast("1.1.0"));
  network["prevResult"] = result;
  Ran check = Run("CHECK", container, network);
  if (IsAtLeast("0.4.0"))
    EXPECT_EQ(check.status, 0) << check.output;
  else
    EXPECT_EQ(check.code(), 1) << check.output;
  Delete(container, network);
  EXPECT_EQ(Left(network), "");
  Delete(container, network);
}

TEST_P(EveryVersion, ReportsStatusAndCollectsGarbageSinceTheSpecificationHasIt) {
  Json network = Network();
  network["cniVersion"] = GetParam();
  network["cni.dev/valid-attachments"] = Json::array();
  for (const char* command : {"STATUS", "GC"}) {
    Ran ran = Run(command, NewContainer(), network, {"CNI_CONTAINERID=", "CNI_NETNS=", "CNI_IFNAME="});
    if (IsAtLeast("1.1.0"))
      EXPECT_EQ(ran.status, 0) << ran.output;
    else
      EXPECT_EQ(ran.code(), 1) << ran.output;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryVersion, ::testing::Values("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"),
                         [](const auto& version) {
                           std::string name = version.param;
                           std::erase(name, '.');
                           return name;
                         });

class ProgramProtocol : public DavitBridgeTest {};

TEST_F(ProgramProtocol, SaysWhichVersionsItSpeaks) {
  for (const char* version : {"0.3.1", "1.1.0", "9.9.9"}) {
    Ran ran = Run("VERSION", NewContainer(), {{"cniVersion", version}});
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.json()["cniVersion"], version);
    EXPECT_THAT(ran.json()["supportedVersions"], ElementsAre("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"));
  }
}

TEST_F(ProgramProtocol, RefusesOtherVersions) {
  for (const char* version : {"", "0.2.0", "1.2.0", "2.0.0", "1.1"}) {
    Json network = Network();
    network["cniVersion"] = version;
    Ran ran = Run("ADD", NewContainer(), network);
    EXPECT_EQ(ran.code(), 1) << ran.output;
    EXPECT_THAT(ran.message(), HasSubstr(version));
    EXPECT_NE(ran.status, 0);
  }
}

TEST_F(ProgramProtocol, NamesMissingAndBadVariables) {
  struct {
    const char* command;
    std::vector<std::string> environment;
    const char* message;
  } const kCases[] = {
      {"ADD", {"CNI_NETNS=", "CNI_IFNAME="}, "[CNI_NETNS,CNI_IFNAME]"},
      {"DEL", {"CNI_CONTAINERID="}, "[CNI_CONTAINERID]"},
      {"CHECK", {"CNI_NETNS="}, "[CNI_NETNS]"},
      {"", {}, "CNI_COMMAND"},
      {"REMOVE", {}, "REMOVE"},
      {"ADD", {"CNI_CONTAINERID=../x"}, "CNI_CONTAINERID ../x"},
      {"ADD", {"CNI_IFNAME=a/b"}, "CNI_IFNAME a/b"},
      {"ADD", {"CNI_IFNAME=abcdefghijklmnop"}, "CNI_IFNAME abcdefghijklmnop"},
      {"ADD", {"CNI_ARGS=IP=10.97"}, "10.97"},
      {"ADD", {"CNI_ARGS=MAC=01:00:00:00:00:01"}, "01:00:00:00:00:01"},
      {"ADD", {"CNI_ARGS=COLOR=red"}, "COLOR=red"},
      {"ADD", {"CNI_ARGS=nonsense"}, "nonsense"},
  };
  for (const auto& c : kCases) {
    Ran ran = Run(c.command, NewContainer(), Network(), c.environment);
    EXPECT_EQ(ran.code(), 4) << ran.output;
    EXPECT_THAT(ran.message(), HasSubstr(c.message));
  }
}

TEST_F(ProgramProtocol, RefusesWhatIsNoConfiguration) {
  Ran ran = Run("ADD", NewContainer(), Json::array());
  EXPECT_EQ(ran.code(), 6) << ran.output;
}

TEST_F(ProgramProtocol, NamesUnsupportedKeysWithTheirValues) {
  std::pair<const char*, Json> const kCases[] = {
      {"promiscMode", true},        {"vlan", 100},         {"vlanTrunk", Json::parse(R"([{"id": 3}])")},
      {"enabledad", true},          {"macspoofchk", true}, {"disableContainerInterface", true},
      {"ipMasqBackend", "iptables"}};
  for (const auto& [key, value] : kCases) {
    Json network = Network();
    network[key] = value;
    Ran ran = Run("ADD", NewContainer(), network);
    EXPECT_EQ(ran.code(), 2) << ran.output;
    EXPECT_THAT(ran.message(), HasSubstr(key));
  }
}

TEST_F(ProgramProtocol, AcceptsTheirDefaults) {
  Json network = Network();
  network.update({{"promiscMode", false}, {"vlan", 0}, {"vlanTrunk", Json::array()}, {"forceAddress", true}});
  Container container = NewContainer();
  Add(container, network);
  Delete(container, network);
}

TEST_F(ProgramProtocol, NamesWhatIsWrongInAConfiguration) {
  auto with = [&](const std::function<void(Json&)>& change) {
    Json network = Network();
    change(network);
    return network;
  };
  std::pair<const char*, Json> const kCases[] = {
      {"name", with([](Json& n) { n["name"] = "a/b"; })},
      {"name", with([](Json& n) { n.erase("name"); })},
      {"no-such-bridge-name", with([](Json& n) { n["bridge"] = "no-such-bridge-name"; })},
      {"mtu", with([](Json& n) { n["mtu"] = 100; })},
      {"mtu", with([](Json& n) { n["mtu"] = -1; })},
      {"isDefaultGateway", with([](Json& n) { n["isDefaultGateway"] = "yes"; })},
      {"ipMasq", with([](Json& n) { n["isDefaultGateway"] = false; })},
      {"dataDir", with([](Json& n) { n["dataDir"] = "state"; })},
      {"10.97.0.1/16", with([](Json& n) { n["ipam"] = {{"subnet", "10.97.0.1/16"}}; })},
      {"rangeStart",
       with([](Json& n) { n["ipam"] = {{"subnet", "10.97.0.0/16"}, {"rangeStart", "10.98.0.1"}}; })},
      {"ipam", with([](Json& n) { n["ipam"] = {{"type", "davit-bridge"}}; })},
      {"ipam", with([](Json& n) { n.erase("ipam"); })},
      {"../x", with([](Json& n) { n["ipam"] = {{"type", "../x"}}; })},
      {"hostPort",
       with([](Json& n) { n["runtimeConfig"]["portMappings"] = Json::parse(R"([{"hostPort": 70000}])"); })},
      {"prevResult", with([](Json& n) { n["prevResult"] = "none"; })},
  };
  for (const auto& [subject, network] : kCases) {
    Ran ran = Run("ADD", NewContainer(), network);
    EXPECT_EQ(ran.code(), 7) << ran.output;
    EXPECT_THAT(ran.message(), HasSubstr(subject));
  }
}

TEST_F(ProgramProtocol, DistinguishesMissingAndWrongNetworkNamespaces) {
  Ran missing = Run("ADD", NewContainer(), Network(), {"CNI_NETNS=/run/netns/davit-none"});
  EXPECT_EQ(missing.code(), 3) << missing.output;
  Ran file = Run("ADD", NewContainer(), Network(), {"CNI_NETNS=/etc/hostname"});
  EXPECT_EQ(file.code(), 3) << file.output;
  std::string own = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(host_->fd());
  Ran self = Run("ADD", NewContainer(), Network(), {"CNI_NETNS=" + own});
  EXPECT_EQ(self.code(), 8) << self.output;
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramProtocol, CheckNeedsThePreviousResult) {
  Container container = NewContainer();
  Add(container, Network());
  EXPECT_EQ(Run("CHECK", container, Network()).code(), 7);
  Delete(container, Network());
}

TEST_F(ProgramProtocol, GarbageIsCollectedOnlyWithAList) {
  EXPECT_EQ(Run("GC", NewContainer(), Network()).code(), 7);
}

// Go writes an empty list as null.
TEST_F(ProgramProtocol, ANullListOfValidAttachmentsIsAnEmptyOne) {
  for (const char* key : {"cni.dev/valid-attachments", "cni.dev/attachments"}) {
    Container container = NewContainer();
    Add(container, Network());
    Json network = Network();
    network[key] = nullptr;
    Ran ran = Run("GC", container, network);
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(Left(network), "");
  }
}

TEST_F(ProgramProtocol, DetachesWithAConfigurationThatAddRefuses) {
  constexpr std::pair<const char*, const char*> kCases[] = {
      {"vlan", "100"},
      {"mtu", "-1"},
      {"isDefaultGateway", R"("yes")"},
      {"prevResult", R"("none")"},
      {"prevResult", R"({"ips": [{"address": "nowhere"}]})"},
      {"ipam", "{}"},
      {"ipam", R"({"type": "davit-bridge", "subnet": "10.97.0.1/33"})"},
      {"runtimeConfig", R"({"portMappings": [{"hostPort": 70000}]})"},
      {"runtimeConfig", R"({"bandwidth": {"ingressRate": -1}})"},
  };
  for (const auto& [key, value] : kCases) {
    Json network = Network();
    network[key] = Json::parse(value);
    ASSERT_NE(Run("ADD", NewContainer(), network).status, 0) << key;
    Container one = NewContainer(), two = NewContainer();
    Add(one, Network());
    Add(two, Network());
    Delete(one, network);
    EXPECT_EQ(Leases().size(), 1u) << key;
    network["cni.dev/valid-attachments"] = Json::array();
    Ran ran = Run("GC", two, network);
    EXPECT_EQ(ran.status, 0) << ran.output;
    EXPECT_EQ(Left(network), "") << key;
  }
}

TEST_F(ProgramProtocol, StatusSaysWhyNothingCanBeAttached) {
  host_->Shell("ip link add cni7 type bridge");
  Ran ran = Run("STATUS", NewContainer(), Network());
  EXPECT_EQ(ran.code(), 50) << ran.output;
  EXPECT_THAT(ran.message(), HasSubstr("cni7"));
}

TEST_F(ProgramProtocol, StatusSaysWhatAddWouldRefuse) {
  Container container = NewContainer();
  Add(container, Network());
  EXPECT_EQ(Run("STATUS", container, Network()).status, 0);
  Json moved = Network();
  moved["ipam"] = {{"subnet", "10.96.0.0/16"}};
  Ran stranded = Run("STATUS", container, moved);
  EXPECT_EQ(stranded.code(), 50) << stranded.output;
  EXPECT_THAT(stranded.message(), AllOf(HasSubstr("10.97.0.2"), HasSubstr(container.id)));
  Delete(container, Network());
  EXPECT_EQ(Run("STATUS", container, moved).status, 0);
  host_->Shell("nft flush ruleset; nft add table inet cni-pods");
  EXPECT_NE(Run("ADD", container, Network()).status, 0);
  Ran foreign = Run("STATUS", container, Network());
  EXPECT_EQ(foreign.code(), 50) << foreign.output;
  EXPECT_THAT(foreign.message(), HasSubstr("cni-pods"));
}

TEST_F(ProgramProtocol, StatusSaysThatNoAddressIsLeft) {
  Json network = Network();
  network["ipam"] = {{"subnet", "10.97.0.0/30"}};
  Container container = NewContainer();
  EXPECT_EQ(Run("STATUS", container, network).status, 0);
  Add(container, network);
  Ran ran = Run("STATUS", container, network);
  EXPECT_EQ(ran.code(), 50) << ran.output;
  EXPECT_THAT(ran.message(), HasSubstr("10.97.0.0/30"));
  Delete(container, network);
}

}  // namespace
}  // namespace davit::cni
