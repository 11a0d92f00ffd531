// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/ipam_config.h"

#include <gmock/gmock.h>

#include "base/json_object.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;

Result<IpamConfig> Parsed(const std::string& text) {
  return ParseIpam(JsonObject::Parse(text, "ipam").value());
}

TEST(IpamConfigTest, ReadsRangesAsHostLocalDoes) {
  IpamConfig ipam = Parsed(R"({"type": "davit-bridge",
    "ranges": [[{"subnet": "fd00::/64"}], [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.254"}]],
    "routes": [{"dst": "0.0.0.0/0"}]})")
                        .value();
  ASSERT_EQ(ipam.sets.size(), 2u);
  EXPECT_EQ(ipam.sets[0][0].gateway().ToString(), "10.1.0.254") << "IPv4 comes first";
  EXPECT_EQ(ipam.sets[0][0].limits.first->ToString(), "10.1.0.1");
  EXPECT_EQ(ipam.sets[1][0].gateway().ToString(), "fd00::1");
  EXPECT_EQ(ipam.sets[1][0].limits.first->ToString(), "fd00::2");
  EXPECT_EQ(ipam.routes.size(), 1u);
  EXPECT_TRUE(ipam.plugin.empty());
}

TEST(IpamConfigTest, NothingMeansNoAddresses) {
  EXPECT_FALSE(Parsed("{}")->IsBuiltIn());
  EXPECT_EQ(Parsed(R"({"type": "host-local", "subnet": 7})")->plugin, "host-local");
}

TEST(IpamConfigTest, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"subnet": "10.1.0.0"})", "10.1.0.0"},
      {R"({"subnet": "10.1.0.0/31"})", "too small"},
      {R"({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9", "rangeEnd": "10.1.0.8"})", "before the start"},
      {R"({"subnet": "10.1.0.0/24", "rangeEnd": "10.1.0.1"})", "before the start"},
      {R"({"subnet": "10.1.0.0/24", "gateway": "10.1.0.255"})", "gateway"},
      {R"({"subnet": "10.1.0.0/24", "gateway": "10.1.0.0"})", "gateway"},
      {R"({"subnet": "10.1.0.0/24", "gateway": "10.2.0.1"})", "10.2.0.1 is not in"},
      {R"({"ranges": [{"subnet": "10.1.0.0/24"}]})", "not a list of lists"},
      {R"({"ranges": {}})", "not a list of lists"},
      {R"({"ranges": [[]]})", "a set is empty"},
      {R"({"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}]]})", "one subnet"},
      {R"({"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.2.0.0/24"}]]})", "two sets"},
      {R"({"ranges": [[{}]]})", "no subnet"},
      {R"({"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "fd00::1"}]})", "address family"},
      {R"({"subnet": "10.1.0.0/24", "resolvConf": "/etc/resolv.conf"})", "resolvConf"},
      {R"({"type": "a/b"})", "a/b"},
      {R"({"type": "davit-bridge"})", "neither subnet nor ranges"},
  };
  for (const auto& [text, why] : kCases) {
    Result<IpamConfig> ipam = Parsed(text);
    ASSERT_FALSE(ipam) << text;
    EXPECT_THAT(ipam.error().ToString(), HasSubstr(why)) << text;
  }
}

}  // namespace
}  // namespace davit::cni
