// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pods on a network that other people's programs make: Debian's containernetworking-plugins and one of our
// own.

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "tests/client/command.h"
#include "tests/e2e/network_fixture.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using client::MustRun;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Writes down what it is asked and passes the result before it on, or one of its own.
constexpr char kRecorder[] = R"(#!/usr/bin/python3
import json, os, sys, time
config = json.load(sys.stdin)
call = {"command": os.environ["CNI_COMMAND"], "id": os.environ.get("CNI_CONTAINERID"),
        "netns": os.environ.get("CNI_NETNS"), "args": os.environ.get("CNI_ARGS"), "config": config}
with open(config["log"], "a") as log:
    log.write(json.dumps(call) + "\n")
if os.path.exists(config["log"] + ".hang." + call["command"]):
    time.sleep(3600)
if os.path.exists(config["log"] + ".fail." + call["command"]):
    print(json.dumps({"cniVersion": config["cniVersion"], "code": 100, "msg": "told to fail"}))
    sys.exit(1)
if call["command"] == "ADD":
    own = {"cniVersion": config["cniVersion"], "ips": [{"address": "192.0.2.7/24"}]}
    print(json.dumps(config.get("prevResult", own)))
)";

class PluginNetworks : public NetworkTest {
 protected:
  void SetUp() override {
    if (access("/usr/lib/cni/bridge", X_OK) != 0) GTEST_SKIP() << "needs containernetworking-plugins";
    fs::create_directory(Dir("cni"));
    fs::create_directory(Dir("cni-bin"));
    std::ofstream(Dir("cni-bin/recorder")) << kRecorder;
    ASSERT_EQ(chmod(Dir("cni-bin/recorder").c_str(), 0755), 0);
    SetMode("cni");
  }
  void TearDown() override {
    OwnInstanceTest::TearDown();
    client::Run({"/usr/sbin/ip", "link", "delete", Bridge()});
  }

  std::string Dir(const std::string& name) { return instance().directory() + "/" + name; }
  std::string Bridge() const { return "dvc" + tag_; }
  std::string Prefix() const { return "10.127." + number_.substr(number_.find('.') + 1) + "."; }
  static std::string PinOf(const std::string& pod) { return "/run/netns/davit-" + pod; }

  void Configure(const Json& conflist) {
    std::ofstream(Dir("cni/new")) << conflist.dump();
    fs::rename(Dir("cni/new"), Dir("cni/10-test.conflist"));
  }
  Json Recorder() {
    Json capabilities;
    for (const char* name : {"portMappings", "bandwidth", "dns", "cgroupPath", "mac"})
      capabilities[name] = true;
    return {{"type", "recorder"}, {"log", Dir("calls")}, {"capabilities", capabilities}};
  }
  void ConfigureBridge() {
    Configure({{"cniVersion", "1.0.0"},
               {"name", "davit-test"},
               {"plugins",
                {{{"type", "bridge"},
                  {"bridge", Bridge()},
                  {"isGateway", true},
                  {"ipam",
                   {{"type", "host-local"},
                    {"dataDir", Dir("leases")},
                    {"ranges", {{{{"subnet", Prefix() + "0/24"}}}}}}}},
                 Recorder()}}});
  }

  std::vector<Json> Calls() {
    std::vector<Json> calls;
    std::ifstream log(Dir("calls"));
    for (std::string line; std::getline(log, line);) calls.push_back(Json::parse(line));
    return calls;
  }
  std::vector<std::string> Leases() {
    std::vector<std::string> leases;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(Dir("leases/davit-test"), error))
      if (entry.path().filename().string().starts_with("10.")) leases.push_back(entry.path());
    return leases;
  }
};

TEST_F(PluginNetworks, AreNoticedWithoutARestartAndGiveTheNextPodItsNetwork) {
  WaitForNetwork(false, Dir("cni"));
  EXPECT_THAT(TryToRunPod(), FailsWith(grpc::StatusCode::UNAVAILABLE, Dir("cni")));
  v1::PodSandboxConfig of_the_host = PodConfig();
  of_the_host.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_network(v1::NODE);
  RunPod(of_the_host);

  ConfigureBridge();
  WaitForNetwork(true);
  v1::PodSandboxConfig config = PodConfig();
  v1::PortMapping* port = config.add_port_mappings();
  port->set_container_port(80);
  port->set_host_port(18080);
  std::string pod = RunPod(config);

  EXPECT_THAT(AddressOf(pod), StartsWith(Prefix()));
  EXPECT_TRUE(fs::exists(PinOf(pod)));
  ASSERT_EQ(Calls().size(), 1u);
  Json call = Calls().front();
  EXPECT_EQ(call["netns"], PinOf(pod));
  EXPECT_THAT(call["args"].get<std::string>(), HasSubstr("K8S_POD_NAME=" + config.metadata().name()));
  EXPECT_THAT(call["args"].get<std::string>(), HasSubstr("K8S_POD_NAMESPACE=e2e"));
  EXPECT_THAT(call["args"].get<std::string>(), HasSubstr("K8S_POD_INFRA_CONTAINER_ID=" + pod));
  EXPECT_THAT(call["args"].get<std::string>(), HasSubstr("K8S_POD_UID=" + config.metadata().uid()));
  EXPECT_EQ(call["config"]["runtimeConfig"]["portMappings"][0]["hostPort"], 18080);

  std::string container = CreateAndStart(pod, config, IdleConfig());
  EXPECT_THAT(Shell(container, "ip addr show eth0"), HasSubstr(AddressOf(pod)));
  EXPECT_THAT(Shell(container, "ip addr show lo"), HasSubstr("LOOPBACK,UP"));
  EXPECT_THAT(Shell(container, "cat /etc/hosts"), HasSubstr(AddressOf(pod)));
}

TEST_F(PluginNetworks, TakeTheBuiltInBridgesPlaceWhenItHasNoPods) {
  const std::string bridge = "/sys/class/net/" + instance().bridge();
  SetMode("bridge");
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  std::string address = AddressOf(pod);
  EXPECT_THAT(address, Not(StartsWith(Prefix()))) << "the mode counts, not the directory";
  SetMode("cni");
  EXPECT_TRUE(NetworkCondition().status());
  EXPECT_EQ(AddressOf(pod), address);
  EXPECT_TRUE(fs::exists(bridge));
  RemovePod(pod);
  WaitUntil("the bridge goes", [&] { return !fs::exists(bridge); });
  EXPECT_TRUE(NetworkCondition().status());
  EXPECT_THAT(SetPodCidr(Prefix() + "0/24"), Succeeds()) << "the plugins' affair";
  EXPECT_THAT(AddressOf(RunPod(PodConfig())), StartsWith(Prefix()));
  EXPECT_FALSE(fs::exists(bridge));
}

TEST_F(PluginNetworks, ConnectPodsWithEachOther) {
  ConfigureBridge();
  v1::PodSandboxConfig config = PodConfig("web");
  std::string web = RunPod(config);
  CreateAndStart(web, config, ContainerConfig({}, "web", kWebServer));
  std::string client = RunIdle();

  WaitUntil("the pod answers", [&] {
    return Fetch(client, "http://" + AddressOf(web) + "/").find("Welcome") != std::string::npos;
  });
}

TEST_F(PluginNetworks, AreTakenDownByTheConfigurationThatMadeThem) {
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  ASSERT_EQ(Leases().size(), 1u);
  fs::remove(Dir("cni/10-test.conflist"));
  EXPECT_THAT(TryToRunPod(), Not(Succeeds())) << "there is no other network";

  StopPod(pod);

  EXPECT_THAT(Leases(), IsEmpty());
  EXPECT_FALSE(fs::exists(PinOf(pod)));
  EXPECT_EQ(AddressOf(pod), "");
  EXPECT_EQ(Calls().back()["command"], "DEL");
  EXPECT_TRUE(Calls().back()["config"].contains("prevResult"));
}

TEST_F(PluginNetworks, GetWhatTheyDeclareAndOtherProgramsSeeTheResult) {
  ConfigureBridge();
  v1::PodSandboxConfig config = PodConfig();
  (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = "10M";
  config.mutable_dns_config()->add_servers("192.0.2.53");
  std::string pod = RunPod(config);
  Json given = Calls().front()["config"]["runtimeConfig"];
  EXPECT_EQ(given["bandwidth"]["egressRate"], 10'000'000);
  EXPECT_EQ(given["dns"]["servers"][0], "192.0.2.53");
  EXPECT_FALSE(given.contains("mac")) << "the pod asks for none";
  EXPECT_FALSE(given.contains("io.kubernetes.cri.pod-annotations")) << "it is not declared";

  std::string file = Dir("cni-cache/results/davit-test-" + pod + "-eth0");
  Json cached = Json::parse(ReadFile(file).value());
  EXPECT_EQ(cached["kind"], "cniCacheV1");
  EXPECT_EQ(cached["netns"], PinOf(pod));
  EXPECT_EQ(cached["result"]["ips"][0]["address"], AddressOf(pod) + "/24");
  StopPod(pod);
  EXPECT_FALSE(fs::exists(file));

  (*config.mutable_annotations())["kubernetes.io/egress-bandwidth"] = "fast";
  config.mutable_metadata()->set_attempt(1);
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = config;
  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT, "kubernetes.io/egress-bandwidth"));
}

TEST_F(PluginNetworks, AreAskedAfterARestartWhetherPodsAreStillAttached) {
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  std::ofstream(Dir("calls.fail.CHECK")) << "";
  KillAndRestart();
  std::string shown;
  WaitUntil("the check has failed", [&] {
    shown = MustRun({DAVIT_BUILD_BIN_DIR "/davit", "--address", "unix://" + instance().socket(), "network"});
    return shown.find("told to fail") != std::string::npos;
  });
  EXPECT_THAT(shown, HasSubstr(Dir("cni/10-test.conflist")));
  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_READY) << "it is no reason to end the pod";
}

TEST_F(PluginNetworks, OutliveTheDaemon) {
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  std::string address = AddressOf(pod);

  KillAndRestart();

  EXPECT_EQ(AddressOf(pod), address);
  EXPECT_NE(AddressOf(RunPod(PodConfig())), address);
  RemovePod(pod);
  EXPECT_EQ(Leases().size(), 1u);
  EXPECT_FALSE(fs::exists(PinOf(pod)));
}

TEST_F(PluginNetworks, FailAPodWithTheirOwnWordsAndKeepNothingOfIt) {
  ConfigureBridge();
  std::ofstream(Dir("calls.fail.ADD")) << "";
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig();

  auto answer = cri().Ask(&RuntimeStub::RunPodSandbox, request);

  EXPECT_FALSE(answer.status.ok());
  EXPECT_THAT(answer.status.error_message(), HasSubstr("told to fail"));
  EXPECT_THAT(ListPods(), IsEmpty());
  EXPECT_THAT(Leases(), IsEmpty());
  for (const auto& entry : fs::directory_iterator("/run/netns"))
    EXPECT_NE(entry.path(), PinOf(Calls().front()["id"]));
  fs::remove(Dir("calls.fail.ADD"));
  RunPod(request.config());
}

// What the kubelet sees it stops and removes.
TEST_F(PluginNetworks, LeaveAPodThatTheyNeitherMakeNorTakeDownListed) {
  ConfigureBridge();
  std::ofstream(Dir("calls.fail.ADD")) << "";
  std::ofstream(Dir("calls.fail.DEL")) << "";
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig();

  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request),
              FailsWith(grpc::StatusCode::INTERNAL, "told to fail"));

  std::vector<v1::PodSandbox> pods = ListPods();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods.front().state(), v1::SANDBOX_NOTREADY);
  const std::string& pod = pods.front().id();
  EXPECT_TRUE(fs::exists(PinOf(pod)));
  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, pod));
  v1::RemovePodSandboxRequest remove;
  remove.set_pod_sandbox_id(pod);
  EXPECT_THAT(cri().Ask(&RuntimeStub::RemovePodSandbox, remove),
              FailsWith(grpc::StatusCode::INTERNAL, "told to fail"));

  KillAndRestart();
  EXPECT_EQ(ListPods().size(), 1u);
  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, pod));

  fs::remove(Dir("calls.fail.ADD"));
  fs::remove(Dir("calls.fail.DEL"));
  RemovePod(pod);
  EXPECT_THAT(ListPods(), IsEmpty());
  EXPECT_FALSE(fs::exists(PinOf(pod)));
  RunPod(request.config());
}

TEST_F(PluginNetworks, HaveTheTrafficOfTheirPodsCounted) {
  ConfigureBridge();
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::string container = CreateAndStart(pod, config, IdleConfig());

  Shell(container, "ping -c 2 -s 30000 " + Prefix() + "1");

  v1::PodSandboxStatsRequest request;
  request.set_pod_sandbox_id(pod);
  v1::NetworkUsage usage = Must(cri().Ask(&RuntimeStub::PodSandboxStats, request)).stats().linux().network();
  EXPECT_EQ(usage.default_interface().name(), "eth0");
  EXPECT_GT(usage.default_interface().tx_bytes().value(), 60'000u);
  EXPECT_GT(usage.default_interface().rx_bytes().value(), 60'000u) << "the answers";
  auto listed = Must(cri().Ask(&RuntimeStub::ListPodSandboxStats, v1::ListPodSandboxStatsRequest()));
  ASSERT_EQ(listed.stats_size(), 1);
  EXPECT_GT(listed.stats(0).linux().network().default_interface().tx_bytes().value(), 60'000u);
  auto metrics = Must(cri().Ask(&RuntimeStub::ListPodSandboxMetrics, v1::ListPodSandboxMetricsRequest()));
  EXPECT_THAT(metrics.DebugString(), HasSubstr("container_network_transmit_bytes_total"));
}

TEST_F(PluginNetworks, SayWhyTheNetworkIsNotReady) {
  EXPECT_EQ(WaitForNetwork(false, Dir("cni")).reason(), "NetworkPluginNotReady");
  Configure({{"cniVersion", "1.0.0"}, {"name", "x"}, {"plugins", {{{"type", "no-such-plugin"}}}}});
  WaitForNetwork(false, "no-such-plugin");
  ConfigureBridge();
  WaitForNetwork(true);
  fs::remove(Dir("cni/10-test.conflist"));
  WaitForNetwork(false, "no file in it");
}

TEST_F(PluginNetworks, StayInForceUntilAValidConfigurationReplacesThem) {
  ConfigureBridge();
  WaitForNetwork(true);
  Configure({{"cniVersion", "1.0.0"}, {"name", "x"}});
  WaitUntil("the log names the file and the key", [&] {
    return instance().Log().find(Dir("cni/10-test.conflist") + ":1: plugins") != std::string::npos;
  });
  EXPECT_THAT(NetworkInfo()["complaint"].get<std::string>(), HasSubstr(Dir("cni/10-test.conflist")));
  EXPECT_TRUE(NetworkCondition().status());
  EXPECT_THAT(AddressOf(RunPod(PodConfig())), StartsWith(Prefix()));
  ConfigureBridge();
  EXPECT_FALSE(NetworkInfo().contains("complaint"));
}

TEST_F(PluginNetworks, DoNotHoldUpAStatusCallWhenTheyHang) {
  const Json network = {{"cniVersion", "1.1.0"}, {"name", "davit-test"}, {"plugins", {Recorder()}}};
  Configure(network);
  WaitForNetwork(true);
  std::ofstream(Dir("calls.hang.STATUS")) << "";
  size_t before = Calls().size();
  Configure(network);  // has the daemon look
  WaitUntil("the plugin hangs", [&] { return Calls().size() > before; });
  size_t calls = Calls().size();

  EXPECT_TRUE(NetworkCondition().status()) << "the last judgement";

  EXPECT_EQ(Calls().size(), calls) << "asking runs no plugin";
  WaitForNetwork(false, Dir("cni-bin/recorder"));
  fs::remove(Dir("calls.hang.STATUS"));
  WaitForNetwork(true);
}

TEST_F(PluginNetworks, ThatAreUninstalledLetTheirPodsGo) {
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  fs::remove(Dir("cni-bin/recorder"));

  StopPod(pod);

  EXPECT_THAT(Leases(), IsEmpty()) << "the rest of the chain is still asked";
  EXPECT_FALSE(fs::exists(PinOf(pod)));
  EXPECT_EQ(AddressOf(pod), "");
  EXPECT_THAT(instance().Log(), HasSubstr("left behind by a pod's network"));
  RemovePod(pod);
  EXPECT_THAT(ListPods(), IsEmpty());
}

TEST_F(PluginNetworks, ThatWereReplacedLetTheirPodsGoThoughTheyRefuse) {
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  std::ofstream(Dir("calls.fail.DEL")) << "";
  v1::StopPodSandboxRequest stop;
  stop.set_pod_sandbox_id(pod);
  EXPECT_THAT(cri().Ask(&RuntimeStub::StopPodSandbox, stop),
              FailsWith(grpc::StatusCode::INTERNAL, "told to fail"));
  Configure({{"cniVersion", "1.0.0"}, {"name", "another"}, {"plugins", {{{"type", "bridge"}}}}});

  StopPod(pod);

  EXPECT_EQ(Calls().back()["command"], "DEL") << "the plugin was asked once more";
  EXPECT_FALSE(fs::exists(PinOf(pod)));
  EXPECT_THAT(instance().Log(), HasSubstr("told to fail"));
  RemovePod(pod);
}

TEST_F(PluginNetworks, LetAPodGoWhoseNetworkNamespaceIsGone) {
  ConfigureBridge();
  std::string pod = RunPod(PodConfig());
  std::ofstream(Dir("calls.fail.DEL")) << "";
  ASSERT_EQ(umount2(PinOf(pod).c_str(), MNT_DETACH), 0);
  ASSERT_EQ(unlink(PinOf(pod).c_str()), 0);

  StopPod(pod);

  EXPECT_EQ(Calls().back()["netns"], "");
  EXPECT_THAT(Leases(), IsEmpty());
  RemovePod(pod);
}

TEST_F(PluginNetworks, ThatNeverExistedLetTheirPodsGo) {
  Configure({{"cniVersion", "1.0.0"}, {"name", "x"}, {"plugins", {{{"type", "no-such-plugin"}}}}});
  v1::RunPodSandboxRequest request;
  *request.mutable_config() = PodConfig();
  EXPECT_THAT(cri().Ask(&RuntimeStub::RunPodSandbox, request).status.error_message(),
              HasSubstr("no-such-plugin"));
  EXPECT_THAT(ListPods(), IsEmpty());
}

TEST_F(PluginNetworks, AreToldAtAStartWhichPodsLive) {
  Configure({{"cniVersion", "1.1.0"}, {"name", "davit-test"}, {"plugins", {Recorder()}}});
  std::string pod = RunPod(PodConfig());
  EXPECT_EQ(AddressOf(pod), "192.0.2.7");

  KillAndRestart();

  std::vector<Json> calls = Calls();
  auto collected = std::ranges::find_if(calls, [](const Json& call) { return call["command"] == "GC"; });
  ASSERT_NE(collected, calls.end());
  EXPECT_EQ((*collected)["config"]["cni.dev/valid-attachments"],
            Json::parse(R"([{"containerID": ")" + pod + R"(", "ifname": "eth0"}])"));
}

}  // namespace
}  // namespace davit::e2e
