// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit-bridge below libcni, the library that containerd, CRI-O and podman call plugins with, in the shape of
// its program cnitool: alone, and in a chain with the plugins of containernetworking/plugins.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "base/run_program.h"
#include "cni/davit_bridge/testing/plugin_world.h"
#include "cni/result_cache.h"

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ProgramLibcni : public DavitBridgeTest {
 protected:
  void SetUp() override {
    DavitBridgeTest::SetUp();
    const char* cnitool = getenv("CNITOOL");
    if (cnitool == nullptr || !std::filesystem::exists(cnitool))
      GTEST_SKIP() << "needs cnitool, in CNITOOL (tests/conformance/build-clients)";
    if (!std::filesystem::exists(std::string(kOtherPlugins) + "/firewall"))
      GTEST_SKIP() << "needs the package containernetworking-plugins";
    cnitool_ = cnitool;
    for (const char* directory : {"/var-lib", "/conf"}) std::filesystem::create_directory(dir_ + directory);
  }

  void Configure(const std::string& version, const Json& others) const {
    Json bridge = Network();
    bridge.erase("cniVersion");
    bridge.erase("name");
    bridge["capabilities"] = {{"portMappings", true}, {"ips", true}};
    Json plugins = Json::array({bridge});
    plugins.insert(plugins.end(), others.begin(), others.end());
    Json network = {{"cniVersion", version}, {"name", "pods"}, {"plugins", plugins}};
    std::ofstream(dir_ + "/conf/10-pods.conflist") << network;
  }

  // In a mount namespace where the directory of the result cache, which cnitool does not let choose, is the
  // test's. The program is found beside the other plugins.
  Ran Tool(const std::string& verb, const Container& container,
           const Json& arguments = Json::object()) const {
    std::string script = "mount --bind " + dir_ + "/var-lib /var/lib && exec " + cnitool_ + " " + verb +
                         " pods " + container.netns();
    std::string own = std::filesystem::path(DAVIT_BRIDGE_PROGRAM).parent_path();
    Result<ProgramOutcome> outcome = RunProgram(
        "/usr/bin/unshare", {.program = "/usr/bin/unshare",
                             .args = {"--mount", "sh", "-c", script},
                             .env = {"NETCONFPATH=" + dir_ + "/conf", "CNI_PATH=" + own + ":" + kOtherPlugins,
                                     "CAP_ARGS=" + arguments.dump(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                             .input = {},
                             .timeout_ms = 60'000});
    if (!outcome) {
      ADD_FAILURE() << outcome.error().ToString();
      return {};
    }
    return {outcome->status.code, outcome->output, outcome->diagnostics};
  }
  Json ToolAdd(const Container& container, const Json& arguments = Json::object()) const {
    Ran ran = Tool("add", container, arguments);
    EXPECT_EQ(ran.status, 0) << ran.output << ran.diagnostics;
    return ran.json();
  }
  void ExpectWorks(const std::string& verb, const Container& container) const {
    Ran ran = Tool(verb, container);
    EXPECT_EQ(ran.status, 0) << verb << ": " << ran.output << ran.diagnostics;
  }
  std::vector<CachedAttachment> Cached() const { return ResultCache(dir_ + "/var-lib/cni").List(); }

  std::string cnitool_;
};

const nlohmann::json kOthers = nlohmann::json::parse(R"([
  {"type": "firewall", "backend": "iptables"},
  {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}},
  {"type": "bandwidth", "ingressRate": 800000000, "ingressBurst": 80000000}])");

class ProgramLibcniVersions : public ProgramLibcni, public ::testing::WithParamInterface<const char*> {};

TEST_P(ProgramLibcniVersions, InAChainWithFirewallTuningAndBandwidth) {
  bool has_firewall = std::string(GetParam()) != "0.3.1";  // which that plugin does not speak
  Configure(GetParam(), has_firewall ? kOthers : Json{kOthers[1], kOthers[2]});
  host_->Shell("iptables -P FORWARD DROP");
  Container one = NewContainer(), two = NewContainer();
  Json ports = Json::parse(R"([{"hostPort": 8081, "containerPort": 80, "protocol": "tcp"}])");
  Json first = ToolAdd(one, {{"portMappings", ports}}), second = ToolAdd(two);
  EXPECT_EQ(first["cniVersion"], GetParam());
  Endpoint server = Serve(one.ns, kTcp, Ip("0.0.0.0"), 80);
  EXPECT_EQ(Call(*outside_, kTcp, server, kHostIpv4, 8081), "192.0.2.2");
  EXPECT_EQ(Call(two.ns, kTcp, server, AddressIn(first), 80), AddressIn(second));
  EXPECT_THAT(one.ns.Shell("sysctl -n net.core.somaxconn"), HasSubstr("500"));
  EXPECT_THAT(host_->Shell("tc qdisc show"), HasSubstr("tbf"));
  if (std::string(GetParam()) >= "0.4.0") ExpectWorks("check", two);

  std::vector<CachedAttachment> cached = Cached();
  ASSERT_THAT(cached, SizeIs(2));
  for (const CachedAttachment& attachment : cached) {
    EXPECT_EQ(attachment.network, "pods");
    EXPECT_EQ(attachment.interface, "eth0");
    EXPECT_THAT(attachment.config, HasSubstr("davit-bridge"));
    EXPECT_THAT(attachment.result, HasSubstr("\"ips\""));
  }
  ExpectWorks("del", one);
  ExpectWorks("del", one);
  ExpectWorks("del", two);
  EXPECT_EQ(Left(Network()), "");
  EXPECT_THAT(Cached(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, ProgramLibcniVersions, ::testing::Values("0.3.1", "0.4.0", "1.0.0"));

TEST_F(ProgramLibcni, WithAllCommandsOfVersion11) {
  Configure("1.1.0", Json::array());
  Container container = NewContainer();
  ExpectWorks("status", container);
  Json result = ToolAdd(container, {{"ips", {"10.97.0.77/16", "fd00:97::77/64"}}});
  EXPECT_EQ(AddressIn(result), "10.97.0.77");
  EXPECT_GT(result["interfaces"][0].value("mtu", 0), 0) << "since 1.1";
  ExpectWorks("check", container);
  container.ns.Shell("ip address delete 10.97.0.77/16 dev eth0");
  Ran denied = Tool("check", container);
  EXPECT_NE(denied.status, 0);
  EXPECT_THAT(denied.output + denied.diagnostics, HasSubstr("it lacks the address 10.97.0.77"));
  // Without a list of what is to stay libcni takes down all that it has cached; the plugin refuses to guess.
  Ran collected = Tool("gc", container);
  EXPECT_THAT(collected.output + collected.diagnostics, HasSubstr("cni.dev/valid-attachments"));
  EXPECT_EQ(Left(Network()), "");
}

TEST_F(ProgramLibcni, ItsErrorsAreShown) {
  Configure("1.1.0", Json::array());
  host_->Shell("ip link add cni7 type bridge");
  Ran refused = Tool("add", NewContainer());
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.output + refused.diagnostics, AllOf(HasSubstr("davit-bridge"), HasSubstr("cni7")));
  EXPECT_EQ(Left(Network()), "");
}

}  // namespace
}  // namespace davit::cni
