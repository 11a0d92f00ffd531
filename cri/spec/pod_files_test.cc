// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/pod_files.h"

#include "base/file_io.h"
#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

Result<std::string> Dns(const std::string& text) {
  return ResolvConf(Proto<v1::DNSConfig>(text));
}

TEST(ResolvConf, ListsSearchesServersAndOptions) {
  EXPECT_EQ(*Dns("servers: ['10.0.0.10', 'fd00::a', 'fe80::1%eth0'] searches: ['a.b', 'b'] options: "
                 "['ndots:5', 'edns0']"),
            "search a.b b\nnameserver 10.0.0.10\nnameserver fd00::a\nnameserver fe80::1%eth0\noptions "
            "ndots:5 edns0\n");
  EXPECT_EQ(*Dns("servers: '10.0.0.10'"), "nameserver 10.0.0.10\n");
  EXPECT_EQ(*Dns(""), "");
}

TEST(ResolvConf, LetsNobodyWriteLines) {
  auto code = Code::kInvalidArgument;
  EXPECT_TRUE(
      Refuses(Dns("servers: '1.1.1.1\\nnameserver 6.6.6.6'"), code, "config.dns_config.servers", "1.1.1.1?"));
  EXPECT_TRUE(Refuses(Dns("searches: 'a\\nnameserver 6.6.6.6'"), code, "config.dns_config.searches"));
  EXPECT_TRUE(Refuses(Dns("options: 'a b'"), code, "config.dns_config.options", "a b"));
  EXPECT_TRUE(Refuses(Dns("options: ''"), code, "config.dns_config.options"));
}

TEST(ResolvConf, WantsAddresses) {
  for (const char* server : {"dns.example", "10.0.0", "10.0.0.1%eth0", "::g"}) {
    EXPECT_TRUE(Refuses(Dns(std::string("servers: '") + server + "'"), Code::kInvalidArgument,
                        "config.dns_config.servers", server));
  }
}

TEST(HostsFile, NamesThePod) {
  std::string hosts = HostsFile("web-0", {"10.1.0.5", "fd00::5"});
  EXPECT_THAT(hosts, HasSubstr("127.0.0.1\tlocalhost\n"));
  EXPECT_THAT(hosts, HasSubstr("::1\tlocalhost "));
  EXPECT_THAT(hosts, ::testing::EndsWith("10.1.0.5\tweb-0\nfd00::5\tweb-0\n"));
}

TEST(PodFiles, AreThePodsOwn) {
  auto config = Proto<v1::PodSandboxConfig>("hostname: 'web-0' dns_config { servers: '10.0.0.10' }");
  auto contents = RenderPodFiles(config, {"10.1.0.5"});
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->hostname, "web-0\n");
  EXPECT_EQ(contents->resolv_conf, "nameserver 10.0.0.10\n");
  EXPECT_THAT(contents->hosts, HasSubstr("10.1.0.5\tweb-0\n"));
}

TEST(PodFiles, AreTheHostsWhereThePodSharesThem) {
  auto hosts = ReadFile("/etc/hosts");
  auto resolv_conf = ReadFile("/etc/resolv.conf");
  if (!hosts || !resolv_conf) GTEST_SKIP() << "this host has no /etc/hosts or no /etc/resolv.conf";
  auto config =
      Proto<v1::PodSandboxConfig>("linux { security_context { namespace_options { network: NODE } } }");
  auto contents = RenderPodFiles(config, {});
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->hosts, *hosts);
  EXPECT_EQ(contents->resolv_conf, *resolv_conf);
  auto empty_dns = RenderPodFiles(Proto<v1::PodSandboxConfig>("dns_config {}"), {});
  EXPECT_EQ(empty_dns->resolv_conf, *resolv_conf);
}

}  // namespace
}  // namespace davit::cri
