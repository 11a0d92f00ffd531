// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/registry_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class CertsDir : public ::testing::Test {
 protected:
  CertsDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-certs-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~CertsDir() override { std::filesystem::remove_all(path_); }

  void Write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path_ + "/" + file).parent_path());
    std::ofstream(path_ + "/" + file) << text;
  }
  std::vector<std::string> Urls(const std::string& host) {
    auto hosts = RegistryHostsFor(host, path_);
    std::vector<std::string> urls;
    if (!hosts) return {hosts.error().ToString()};
    for (const RegistryHost& entry : *hosts) urls.push_back(entry.BaseUrl());
    return urls;
  }

  std::string path_;
};

TEST_F(CertsDir, NothingConfiguredMeansTheRegistryItself) {
  EXPECT_THAT(Urls("quay.io"), ElementsAre("https://quay.io/v2"));
  EXPECT_THAT(Urls("docker.io"), ElementsAre("https://registry-1.docker.io/v2"));
  auto hosts = RegistryHostsFor("quay.io", path_);
  EXPECT_FALSE(hosts->at(0).tls.skip_verify);
  EXPECT_FALSE(hosts->at(0).http_fallback);
}

TEST_F(CertsDir, OnlyLoopbackMayFallBackToPlainHttp) {
  for (const char* local : {"localhost:5000", "127.0.0.1:5000", "127.9.9.9:1", "[::1]:5000"}) {
    auto hosts = RegistryHostsFor(local, path_);
    EXPECT_TRUE(hosts->at(0).http_fallback) << local;
    EXPECT_EQ(hosts->at(0).scheme, "https");
  }
  EXPECT_THAT(Urls("localhost:80"), ElementsAre("http://localhost:80/v2"));
  for (const char* other :
       {"localhost", "localhost:443", "10.0.0.1:5000", "localhost.example.com:5000", "[::2]:5000"}) {
    auto hosts = RegistryHostsFor(other, path_);
    EXPECT_FALSE(hosts->at(0).http_fallback) << other;
    EXPECT_EQ(hosts->at(0).scheme, "https") << other;
  }
}

TEST_F(CertsDir, HostsAreTriedInTheOrderInWhichTheyAreWritten) {
  Write("docker.io/hosts.toml", R"(
server = "https://registry-1.docker.io"
[host."https://z.example"]
  capabilities = ["pull"]
[host."http://a.example:5000"]
[host."https://m.example/some/path"]
  override_path = true
[host."https://m.example/other"]
)");
  EXPECT_THAT(Urls("docker.io"),
              ElementsAre("https://z.example/v2", "http://a.example:5000/v2", "https://m.example/some/path",
                          "https://m.example/other/v2", "https://registry-1.docker.io/v2"));
  auto hosts = *RegistryHostsFor("docker.io", path_);
  EXPECT_TRUE(hosts[0].pull);
  EXPECT_FALSE(hosts[0].resolve);
  EXPECT_FALSE(hosts[0].push);
  EXPECT_TRUE(hosts[1].push);
  EXPECT_TRUE(hosts[1].resolve);
}

TEST_F(CertsDir, WithoutAServerTheRegistryItselfComesLast) {
  Write("quay.io/hosts.toml", "[host.\"https://mirror\"]\n");
  EXPECT_THAT(Urls("quay.io"), ElementsAre("https://mirror/v2", "https://quay.io/v2"));
}

TEST_F(CertsDir, DirectoriesOfAHostWithAPortHaveTwoSpellings) {
  Write("_default/hosts.toml", "server = \"https://default\"\n");
  EXPECT_THAT(Urls("a.io:5000"), ElementsAre("https://default/v2"));
  Write("a.io:5000/hosts.toml", "server = \"https://colon\"\n");
  EXPECT_THAT(Urls("a.io:5000"), ElementsAre("https://colon/v2"));
  Write("a.io_5000_/hosts.toml", "server = \"https://underscore\"\n");
  EXPECT_THAT(Urls("a.io:5000"), ElementsAre("https://underscore/v2"));
}

TEST_F(CertsDir, TheFirstOfSeveralRootsThatHasADirectoryDecides) {
  Write("one/b.io/hosts.toml", "server = \"https://one\"\n");
  Write("two/b.io/hosts.toml", "server = \"https://two\"\n");
  Write("two/c.io/hosts.toml", "server = \"https://three\"\n");
  std::string roots = path_ + "/missing:" + path_ + "/one:" + path_ + "/two";
  EXPECT_EQ(RegistryHostsFor("b.io", roots)->at(0).host, "one");
  EXPECT_EQ(RegistryHostsFor("c.io", roots)->at(0).host, "three");
}

TEST_F(CertsDir, ReadsCertificatesHeadersAndTimeouts) {
  Write("q.io/hosts.toml", R"(
ca = "root.pem"
[host."https://m"]
  ca = ["/abs/ca.pem", "ca.pem"]
  client = [["c.pem", "c.key"], ["d.pem", ""]]
  dial_timeout = "1m2.5s"
  [host."https://m".header]
    X-One = "1"
    X-Two = ["a", "b"]
[host."http://plain:5000"]
  skip_verify = true
)");
  auto hosts = *RegistryHostsFor("q.io", path_);
  std::string dir = path_ + "/q.io/";
  EXPECT_THAT(hosts[0].tls.ca_files, ElementsAre("/abs/ca.pem", dir + "ca.pem"));
  EXPECT_EQ(hosts[0].tls.client_pairs[0], std::pair(dir + "c.pem", dir + "c.key"));
  EXPECT_THAT(hosts[0].headers, ElementsAre(Pair("X-One", "1"), Pair("X-Two", "a"), Pair("X-Two", "b")));
  EXPECT_EQ(hosts[0].dial_timeout_ms, 62500);
  // TLS settings on an http URL mean that https is tried first.
  EXPECT_TRUE(hosts[1].http_fallback);
  EXPECT_EQ(hosts[1].scheme, "https");
  EXPECT_EQ(hosts[2].host, "q.io");
  EXPECT_THAT(hosts[2].tls.ca_files, ElementsAre(dir + "root.pem"));
}

TEST_F(CertsDir, AHostCanHaveAProxyOrNone) {
  Write("q.io/hosts.toml", R"(
proxy = "proxy.example:3128"
[host."https://inside"]
  proxy = "none"
[host."https://outside"]
)");
  auto hosts = *RegistryHostsFor("q.io", path_);
  EXPECT_EQ(hosts[0].proxy, "");
  EXPECT_EQ(hosts[1].proxy, std::nullopt) << "as the environment says";
  EXPECT_EQ(hosts[2].proxy, "http://proxy.example:3128");
  auto bad = ParseHostsToml("proxy = \"ftp://user:s3cr3t@proxy\"", path_);
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().ToString(), AllOf(HasSubstr("proxy"), Not(HasSubstr("s3cr3t"))));
}

TEST_F(CertsDir, ADirectoryWithoutHostsTomlHoldsCertificates) {
  Write("q.io/ca.crt", "");
  Write("q.io/client.cert", "");
  Write("q.io/client.key", "");
  auto hosts = *RegistryHostsFor("q.io", path_);
  ASSERT_EQ(hosts.size(), 1u);
  EXPECT_EQ(hosts[0].BaseUrl(), "https://q.io/v2");
  EXPECT_THAT(hosts[0].tls.ca_files, ElementsAre(path_ + "/q.io/ca.crt"));
  EXPECT_EQ(hosts[0].tls.client_pairs[0], std::pair(path_ + "/q.io/client.cert", path_ + "/q.io/client.key"));
}

TEST_F(CertsDir, AMistakeIsAnErrorThatSaysWhere) {
  const std::pair<std::string, std::string> kMistakes[] = {
      {"server = \n", "line 1"},
      {"[host.\"https://m\"]\ncapabilities = [\"fly\"]\n", "fly"},
      {"[host.\"https://m\"]\nskip_verify = \"yes\"\n", "skip_verify"},
      {"[host.\"https://m\"]\nca = 1\n", "ca"},
      {"[host.\"https://m\"]\nclient = [[\"a\"]]\n", "client"},
      {"[host.\"https://m\"]\ndial_timeout = \"soon\"\n", "dial_timeout"},
      {"[host.\"https://m\".header]\nX = \"a\\r\\nY: b\"\n", "header"},
      {"[host.\"https://user@m\"]\n", "host"},
      {"host = 1\n", "host"},
      {"server = 1\n", "server"},
  };
  for (const auto& [text, named] : kMistakes) {
    auto hosts = ParseHostsToml(text, "/dir");
    ASSERT_FALSE(hosts) << text;
    EXPECT_EQ(hosts.error().code, Code::kInvalidArgument);
    EXPECT_THAT(hosts.error().ToString(), HasSubstr(named)) << text;
  }
}

}  // namespace
}  // namespace davit::images
