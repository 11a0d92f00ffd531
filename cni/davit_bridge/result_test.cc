// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/result.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "cni/davit_bridge/versions.h"

namespace davit::cni {
namespace {

using ::testing::HasSubstr;

constexpr char kResult[] = R"({"cniVersion": "1.1.0",
  "interfaces": [{"name": "br0", "mac": "02:00:00:00:00:01"},
                 {"name": "eth0", "mtu": 1400, "sandbox": "/run/netns/x", "socketPath": "/s", "pciID": "0000"}],
  "ips": [{"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 1}, {"address": "fd00::5/64"}],
  "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1", "mtu": 1300, "advmss": 1200, "priority": 5, "table": 100,
              "scope": 253}],
  "dns": {"nameservers": ["10.1.0.1"], "domain": "example", "search": ["a"], "options": ["b"]}})";

TEST(CniResultTest, IsPrintedAsItWasRead) {
  CniResult result = ParseResult(kResult, "result").value();
  EXPECT_EQ(nlohmann::json::parse(PrintResult(result, "1.1.0")), nlohmann::json::parse(kResult));
}

TEST(CniResultTest, OlderVersionsLackWhatTheyDoNotKnow) {
  CniResult result = ParseResult(kResult, "result").value();
  for (std::string_view version : kVersions) {
    std::string text = PrintResult(result, version);
    EXPECT_EQ(text.contains("\"version\""), version < "1.0.0") << version;
    EXPECT_EQ(text.contains("priority"), version == "1.1.0") << version;
    EXPECT_EQ(text.contains("pciID"), version == "1.1.0") << version;
    EXPECT_TRUE(ParseResult(text, "result"));
  }
}

TEST(CniResultTest, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> kCases[] = {
      {"[]", "not a JSON object"},
      {R"({"ips": [{"address": "10.1.0.5/33"}]})", "bad prefix length"},
      {R"({"ips": [{"address": "10.1.0/16"}]})", "not an IPv4 or IPv6 address"},
      {R"({"ips": [{}]})", "not an IPv4 or IPv6 address"},
      {R"({"ips": "none"})", "wrong type"},
      {R"({"interfaces": [{"name": 5}]})", "wrong type"},
      {R"({"ips": [{"address": "10.1.0.5/16", "interface": -1}]})", "out of range"},
      {R"({"routes": [{"dst": "default"}]})", "default"},
  };
  for (const auto& [text, why] : kCases) {
    Result<CniResult> result = ParseResult(text, "prevResult");
    ASSERT_FALSE(result) << text;
    EXPECT_THAT(result.error().ToString(), HasSubstr(why)) << text;
  }
}

TEST(CniResultTest, JoiningKeepsBothAndMovesTheIndexes) {
  CniResult first =
      ParseResult(R"({"interfaces": [{"name": "lo"}], "dns": {"domain": "kept"}})", "first").value();
  CniResult joined = Joined(first, ParseResult(kResult, "second").value());
  ASSERT_EQ(joined.interfaces.size(), 3u);
  EXPECT_EQ(joined.addresses[0].interface, 2u);
  EXPECT_FALSE(joined.addresses[1].interface);
  EXPECT_EQ(joined.dns.domain, "example");
}

}  // namespace
}  // namespace davit::cni
