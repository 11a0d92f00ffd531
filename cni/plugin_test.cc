// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/file_io.h"
#include "cni/netns_pin.h"
#include "cni/testing/test_world.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kChain[] = R"({"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "first", "bridge": "cni0"},
  {"type": "second", "capabilities": {"portMappings": true}}]})";

constexpr char kResult[] = R"({"cniVersion": "1.0.0",
  "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": "/run/netns/x"}],
  "ips": [{"address": "fd00::5/64", "interface": 1}, {"address": "10.1.0.5/16", "interface": 1},
          {"address": "10.1.0.1/16", "interface": 0}]})";

// Plugins that are scripts: each appends its command and input to a log and prints a result.
class PluginNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-plugin-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
    options_.bin_dirs = {dir_ + "/empty", dir_ + "/bin"};
    options_.cache_dir = dir_ + "/cache";
    options_.cache_owner = "test";
    std::filesystem::create_directory(dir_ + "/bin");
    Write("10-pods.conflist", kChain);
    for (const char* plugin : {"first", "second"})
      Program(plugin, std::string("cat <<'END'\n") + kResult + "\nEND");
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ + "/" + name) << text;
  }

  void Program(const std::string& name, const std::string& body) const {
    Write("bin/" + name, "#!/bin/sh\n{ echo " + name +
                             " $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME " +
                             "\"$CNI_ARGS\"; cat; echo; } >> " + dir_ + "/log\n" + body + "\n");
    ASSERT_EQ(chmod((dir_ + "/bin/" + name).c_str(), 0755), 0);
  }

  PluginNetwork Network() const { return {options_, LoadPluginList(dir_).value()}; }

  // The commands in the log, without what the programs were given on their standard input.
  std::vector<std::string> Calls() const {
    std::vector<std::string> calls;
    std::ifstream log(dir_ + "/log");
    for (std::string line; std::getline(log, line);)
      if (!line.starts_with('{')) calls.push_back(line);
    return calls;
  }
  std::string Log() const { return ReadFile(dir_ + "/log").value_or(""); }

  std::string dir_;
  PluginNetwork::Options options_;
  PluginPod pod_{
      "id1", "/run/netns/x", {{"portMappings", R"([{"hostPort": 8080}])"}}, {{"K8S_POD_NAME", "web"}}};
};

TEST_F(PluginNetworkTest, RunsTheChainForwardsAndBackwards) {
  PluginNetwork network = Network();
  Result<PluginAttachment> attachment = network.Add(pod_);
  ASSERT_TRUE(attachment) << attachment.error().ToString();
  EXPECT_THAT(attachment->addresses, ElementsAre(Ip("10.1.0.5"), Ip("fd00::5")));
  EXPECT_THAT(network.Delete(pod_, attachment->result), IsEmpty());
  std::string rest = " id1 /run/netns/x eth0 IgnoreUnknown=1;K8S_POD_NAME=web";
  EXPECT_THAT(Calls(),
              ElementsAre("first ADD" + rest, "second ADD" + rest, "second DEL" + rest, "first DEL" + rest));
  EXPECT_THAT(Log(), AllOf(HasSubstr("\"hostPort\":8080"), HasSubstr("\"prevResult\":{")));
}

TEST_F(PluginNetworkTest, FailedAddIsUndone) {
  Program("second", R"([ $CNI_COMMAND = DEL ] || { echo '{"code": 100, "msg": "no ports"}'; exit 1; })");
  Result<PluginAttachment> attachment = Network().Add(pod_);
  ASSERT_FALSE(attachment);
  EXPECT_EQ(attachment.error().ToString(), "network plugin ADD second: no ports");
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("first ADD"), HasSubstr("second ADD"), HasSubstr("second DEL"),
                                   HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, DeleteGoesOnAfterAFailure) {
  Program("second", "echo broken >&2; exit 3");
  std::vector<FailedDelete> failures = Network().Delete(pod_, kResult);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].plugin.type, "second");
  EXPECT_EQ(failures[0].trouble, DeleteTrouble::kRefused);
  EXPECT_EQ(failures[0].error.ToString(), "network plugin DEL second: broken");
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("second DEL"), HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, AProgramThatCannotRunIsToldFromOneThatRefuses) {
  auto trouble = [&] {
    std::vector<FailedDelete> failures = Network().Delete(pod_, kResult);
    return failures.size() == 1 ? std::optional(failures[0].trouble) : std::nullopt;
  };
  Program("second", R"(echo '{"code": 11, "msg": "busy"}'; exit 1)");
  EXPECT_EQ(trouble(), DeleteTrouble::kNoAnswer) << "it asks for a later attempt";
  Program("second", "kill -9 $$");
  EXPECT_EQ(trouble(), DeleteTrouble::kRefused);
  Write("bin/second", "#!/no/such/interpreter\n");
  EXPECT_EQ(trouble(), DeleteTrouble::kCannotRun) << "its interpreter is not installed any more";
  Write("bin/second", "");
  EXPECT_EQ(trouble(), DeleteTrouble::kCannotRun) << "an empty file";
  std::filesystem::remove(dir_ + "/bin/second");
  EXPECT_EQ(trouble(), DeleteTrouble::kCannotRun);
  std::filesystem::create_directory(dir_ + "/bin/second");
  EXPECT_EQ(trouble(), DeleteTrouble::kCannotRun) << "a directory";
}

TEST_F(PluginNetworkTest, AProgramThatIsBeingInstalledMayAnswerLater) {
  Program("second", "exit 0");
  UniqueFd writer = *OpenAt(AT_FDCWD, dir_ + "/bin/second", O_WRONLY);  // ETXTBSY
  std::vector<FailedDelete> failures = Network().Delete(pod_, kResult);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].trouble, DeleteTrouble::kNoAnswer);
}

TEST_F(PluginNetworkTest, AResultThatCannotBeReadIsUndone) {
  Program("second", "echo nonsense");
  EXPECT_FALSE(Network().Add(pod_));
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("first ADD"), HasSubstr("second ADD"), HasSubstr("second DEL"),
                                   HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, AnInterruptEndsAHungPlugin) {
  Program("first", "sleep 1000");
  UniqueFd interrupt(eventfd(1, EFD_CLOEXEC));
  options_.interrupt_fd = interrupt.get();
  EXPECT_EQ(Network().Add(pod_).error().code, Code::kCancelled);
}

TEST_F(PluginNetworkTest, HungPluginIsKilledWithItsChildren) {
  std::string fifo = dir_ + "/alive";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  UniqueFd reader = *OpenAt(AT_FDCWD, fifo, O_RDONLY | O_NONBLOCK);
  UniqueFd writer = *OpenAt(AT_FDCWD, fifo, O_WRONLY);
  Program("first", "sleep 1000 3> " + fifo + " & wait");
  options_.timeout_ms = 50;
  Result<PluginAttachment> attachment = Network().Add(pod_);
  ASSERT_FALSE(attachment);
  EXPECT_EQ(attachment.error().code, Code::kDeadlineExceeded);
  EXPECT_THAT(attachment.error().ToString(), HasSubstr("/bin/first"));
  writer.Reset();
  pollfd hangup{reader.get(), 0, 0};
  EXPECT_EQ(poll(&hangup, 1, 10'000), 1) << "something of the plugin's still has the other end";
}

TEST_F(PluginNetworkTest, MissingProgramNamesTheDirectories) {
  std::filesystem::remove(dir_ + "/bin/second");
  PluginNetwork network = Network();
  Result<> checked = network.Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(checked.error().ToString(), AllOf(HasSubstr("second"), HasSubstr(dir_ + "/bin")));
}

TEST_F(PluginNetworkTest, StatusIsAskedFromVersion11On) {
  EXPECT_TRUE(Network().Check());
  EXPECT_THAT(Log(), Not(HasSubstr("STATUS")));
  Write("00-first.conf", R"({"cniVersion": "1.1.0", "name": "pods", "type": "first"})");
  Program("first", R"(echo '{"code": 50, "msg": "starting"}'; exit 1)");
  Result<> checked = Network().Check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kUnavailable);
}

TEST_F(PluginNetworkTest, CollectNamesTheLivePodsFromVersion11OnUnlessItIsDisabled) {
  EXPECT_TRUE(Network().Collect({"id1"}));
  Write("00-first.conf", R"({"cniVersion": "1.1.0", "name": "pods", "type": "first", "disableGC": true})");
  EXPECT_TRUE(Network().Collect({"id1"}));
  EXPECT_EQ(Log(), "");
  Write("00-first.conf", R"({"cniVersion": "1.1.0", "name": "pods", "type": "first"})");
  EXPECT_TRUE(Network().Collect({"id1"}));
  EXPECT_THAT(Log(),
              AllOf(HasSubstr("first GC"),
                    HasSubstr(R"("cni.dev/valid-attachments":[{"containerID":"id1","ifname":"eth0"}])")));
}

TEST_F(PluginNetworkTest, TheResultIsCachedUntilThePodIsTakenDown) {
  PluginNetwork network = Network();
  PluginAttachment attachment = network.Add(pod_).value();
  EXPECT_FALSE(attachment.not_cached);
  std::string file = dir_ + "/cache/results/pods-id1-eth0";
  struct stat status{};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  Json cached = Json::parse(ReadFile(file).value());
  EXPECT_EQ(cached["kind"], "cniCacheV1");
  EXPECT_EQ(cached["cniArgs"], Json::parse(R"([["IgnoreUnknown", "1"], ["K8S_POD_NAME", "web"]])"));
  EXPECT_EQ(cached["capabilityArgs"], Json::parse(R"({"portMappings": [{"hostPort": 8080}]})"));

  Program("second", "exit 1");
  EXPECT_THAT(network.Delete(pod_, attachment.result), ::testing::SizeIs(1));
  EXPECT_TRUE(std::filesystem::exists(file)) << "something is left to do";
  Program("second", "exit 0");
  EXPECT_THAT(network.Delete(pod_, attachment.result), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(PluginNetworkTest, TheCachedResultCountsWhereThereIsNoOther) {
  ASSERT_TRUE(Network().Add(pod_));
  std::filesystem::remove(dir_ + "/log");
  EXPECT_TRUE(Network().CheckPod(pod_, ""));
  EXPECT_THAT(Log(), AllOf(HasSubstr("first CHECK"), HasSubstr("\"prevResult\":{")));
  std::filesystem::remove(dir_ + "/log");
  EXPECT_THAT(Network().Delete(pod_, ""), IsEmpty());
  EXPECT_THAT(Log(), AllOf(HasSubstr("first DEL"), HasSubstr("\"prevResult\":{")));
}

TEST_F(PluginNetworkTest, APodRunsWithoutTheCache) {
  options_.cache_dir = "/dev/null";
  Result<PluginAttachment> attachment = Network().Add(pod_);
  ASSERT_TRUE(attachment) << attachment.error().ToString();
  ASSERT_TRUE(attachment->not_cached);
  EXPECT_THAT(attachment->not_cached->ToString(), HasSubstr("/dev/null/results"));
  EXPECT_THAT(Network().Delete(pod_, attachment->result), IsEmpty());
}

TEST_F(PluginNetworkTest, ACheckGoesForwardsAndEndsWithTheFirstThatDenies) {
  Program("first", R"([ $CNI_COMMAND != CHECK ] || { echo '{"code": 100, "msg": "no address"}'; exit 1; })");
  Result<> checked = Network().CheckPod(pod_, kResult);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().ToString(), "network plugin CHECK first: no address");
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("first CHECK id1 /run/netns/x eth0")));
}

TEST_F(PluginNetworkTest, AConfigurationMayHaveNoChecks) {
  Program("first", "exit 1");
  Write("00-first.conf", R"({"cniVersion": "0.3.1", "name": "pods", "type": "first"})");
  EXPECT_TRUE(Network().CheckPod(pod_, kResult)) << "the version has no CHECK";
  Write("00-first.conf", R"({"cniVersion": "1.0.0", "name": "pods", "type": "first", "disableCheck": true})");
  EXPECT_TRUE(Network().CheckPod(pod_, kResult));
  EXPECT_EQ(Log(), "");
}

// Each waits for the other.
TEST_F(PluginNetworkTest, PodsAreAddedAtTheSameTime) {
  for (const char* fifo : {"/to-id1", "/to-id2"}) ASSERT_EQ(mkfifo((dir_ + fifo).c_str(), 0600), 0);
  Program("second", "case $CNI_CONTAINERID in id1) echo > " + dir_ + "/to-id2; read x < " + dir_ +
                        "/to-id1;; *) read x < " + dir_ + "/to-id2; echo > " + dir_ +
                        "/to-id1;; esac\ncat <<'END'\n" + kResult + "\nEND");
  PluginNetwork network = Network();
  PluginPod other = pod_;
  other.id = "id2";
  std::jthread thread([&] { EXPECT_TRUE(network.Add(other)); });
  EXPECT_TRUE(network.Add(pod_));
}

TEST_F(PluginNetworkTest, ANetworkIsTakenDownByTheConfigurationThatMadeIt) {
  PluginNetwork made = Network();
  std::string file = made.list().file;
  std::string text = made.list().text;
  std::filesystem::remove(file);
  Result<PluginNetwork> network = PluginNetwork::Restore(options_, file, text);
  ASSERT_TRUE(network) << network.error().ToString();
  EXPECT_THAT(network->Delete(pod_, kResult), IsEmpty());
  EXPECT_THAT(Calls(), ElementsAre(HasSubstr("second DEL"), HasSubstr("first DEL")));
}

TEST_F(PluginNetworkTest, ArgumentsCannotSmuggleOthersIn) {
  pod_.args = {{"K8S_POD_NAME", "web;K8S_POD_NAMESPACE=kube-system"}};
  EXPECT_EQ(Network().Add(pod_).error().code, Code::kInvalidArgument);
  EXPECT_THAT(Network().Delete(pod_, ""), IsEmpty());
  EXPECT_THAT(Log(), Not(HasSubstr("kube-system")));
}

class RealPluginTest : public NetworkTest {};

// Debian's plugins, with everything that they keep below a directory of this test.
TEST_F(RealPluginTest, BridgeAndPortmapGiveAPodItsNetwork) {
  constexpr char kPlugins[] = "/usr/lib/cni";
  if (access((std::string(kPlugins) + "/portmap").c_str(), X_OK) != 0)
    GTEST_SKIP() << "needs containernetworking-plugins";
  if (system("command -v iptables >/dev/null") != 0) GTEST_SKIP() << "needs iptables for the portmap plugin";
  std::string dir = std::filesystem::temp_directory_path() / "davit-plugin-XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  std::ofstream(dir + "/pods.conflist")
      << R"({"cniVersion": "1.0.0", "name": "davit-test", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipam": {"type": "host-local",
     "dataDir": ")"
      << dir << R"(/leases", "ranges": [[{"subnet": "10.99.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}]})";
  NetNs pod = NetNs::Make();
  PluginNetwork network({{kPlugins}, 60'000}, LoadPluginList(dir).value());
  Result<std::string> path = PinNetns(dir + "/netns", "pod", pod.fd());
  ASSERT_TRUE(path) << path.error().ToString();
  EXPECT_TRUE(IsPinned(dir + "/netns", "pod"));
  PluginPod request{"davit-test-pod",
                    *path,
                    {{"portMappings", R"([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}])"}},
                    {}};
  Result<PluginAttachment> attachment = network.Add(request);
  EXPECT_TRUE(attachment) << attachment.error().ToString();
  if (attachment) {
    EXPECT_THAT(attachment->addresses, ElementsAre(Ip("10.99.0.2")));
    Endpoint server = Serve(pod, Protocol::kTcp, Ip("0.0.0.0"), 80);
    EXPECT_EQ(Call(*outside_, Protocol::kTcp, server, kHostIpv4, 8080), "192.0.2.2");
    EXPECT_THAT(network.Delete(request, attachment->result), IsEmpty());
    EXPECT_THAT(network.Delete(request, attachment->result), IsEmpty());
  }
  EXPECT_TRUE(UnpinNetns(dir + "/netns", "pod"));
  EXPECT_TRUE(UnpinNetns(dir + "/netns", "pod"));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace davit::cni
