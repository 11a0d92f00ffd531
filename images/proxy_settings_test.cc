// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/proxy_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace davit::images {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Variables = std::map<std::string, std::string>;

Result<ProxySettings> Read(const Variables& variables) {
  return ProxySettings::Read([&](const std::string& name) {
    auto variable = variables.find(name);
    return variable == variables.end() ? "" : variable->second;
  });
}

std::string ProxyFor(const Variables& variables, const std::string& url) {
  return Read(variables)->For(*ParseUrl(url));
}

TEST(ProxySettings, TakesBothCasesAndBothSchemes) {
  EXPECT_EQ(ProxyFor({}, "http://a.io/"), "");
  EXPECT_EQ(ProxyFor({{"HTTP_PROXY", "http://p:1"}}, "http://a.io/"), "http://p:1");
  EXPECT_EQ(ProxyFor({{"http_proxy", "http://p:1"}}, "http://a.io/"), "http://p:1");
  EXPECT_EQ(ProxyFor({{"http_proxy", "http://p:1"}}, "https://a.io/"), "");
  EXPECT_EQ(ProxyFor({{"HTTPS_PROXY", "p:3128"}}, "https://a.io/"), "http://p:3128");
  EXPECT_EQ(ProxyFor({{"https_proxy", "socks5h://p:1080"}}, "https://a.io/"), "socks5h://p:1080");
  EXPECT_EQ(ProxyFor({{"all_proxy", "http://p:1"}}, "https://a.io/"), "http://p:1");
  EXPECT_EQ(ProxyFor({{"HTTP_PROXY", "u:1"}, {"http_proxy", "l:1"}}, "http://a.io/"), "http://u:1");
}

TEST(ProxySettings, LoopbackIsReachedDirectly) {
  Variables all = {{"ALL_PROXY", "http://p:1"}};
  for (const char* url :
       {"http://localhost:5000/", "http://127.0.0.1/", "https://127.9.9.9/", "http://[::1]:5/"})
    EXPECT_EQ(ProxyFor(all, url), "") << url;
  EXPECT_NE(ProxyFor(all, "http://localhost.example/"), "");
}

TEST(ProxySettings, NoProxyNamesHostsInAllUsualWays) {
  struct Case {
    const char* no_proxy;
    const char* url;
    bool direct;
  };
  const Case kCases[] = {
      {"*", "https://any.io/", true},
      {"a.io", "https://a.io/", true},
      {"a.io", "https://sub.a.io/", true},
      {"a.io", "https://ba.io/", false},
      {"A.IO", "https://a.io/", true},
      {".a.io", "https://sub.a.io/", true},
      {".a.io", "https://a.io/", false},
      {"*.a.io", "https://x.sub.a.io/", true},
      {"*.a.io", "https://a.io/", false},
      {"x.io, a.io", "https://a.io/", true},
      {"x.io a.io", "https://a.io/", true},
      {"a.io:5000", "https://a.io:5000/", true},
      {"a.io:5000", "https://a.io/", false},
      {"a.io:443", "https://a.io/", true},
      {"10.0.0.1", "https://10.0.0.1/", true},
      {"10.0.0.1", "https://10.0.0.11/", false},
      {"10.0.0.0/8", "https://10.1.2.3:5000/", true},
      {"10.0.0.0/8", "https://11.1.2.3/", false},
      {"10.0.0.0/33", "https://10.0.0.1/", false},
      {"0.0.0.0/0", "https://11.1.2.3/", true},
      {"10.0.0.0/8", "https://name.io/", false},
      {"fd00::/8", "https://[fd12::1]/", true},
      {"fd00::1", "https://[fd00::1]:5000/", true},
      {"[fd00::1]:5000", "https://[fd00::1]:5000/", true},
      {"[fd00::1]:5000", "https://[fd00::1]/", false},
      {"", "https://a.io/", false},
      {" , ,", "https://a.io/", false},
  };
  for (const Case& c : kCases) {
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
      std::string proxy = ProxyFor({{"https_proxy", "http://p:1"}, {name, c.no_proxy}}, c.url);
      EXPECT_EQ(proxy.empty(), c.direct) << name << "=" << c.no_proxy << " " << c.url;
    }
  }
}

TEST(ProxySettings, AMistakeIsNamedWithoutThePassword) {
  for (const char* bad : {"ftp://u:s3cret@p:1", "http://u:s3cret@p:not-a-port", "http://"}) {
    auto settings = Read({{"https_proxy", bad}});
    ASSERT_FALSE(settings) << bad;
    EXPECT_EQ(settings.error().code, Code::kFailedPrecondition);
    EXPECT_THAT(settings.error().ToString(), HasSubstr("HTTPS_PROXY"));
    EXPECT_THAT(settings.error().ToString(), Not(HasSubstr("s3cret")));
  }
}

}  // namespace
}  // namespace davit::images
