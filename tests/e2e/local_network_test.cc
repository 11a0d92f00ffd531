// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Networks that people make for local containers: `davit network create`, `davit run --network`.
#include <net/if.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/client/command.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Each test has its own daemon, and removes its containers and networks.
class LocalNetworks : public OwnInstanceTest {
 protected:
  void SetUp() override { Davit({"pull", "--quiet", kBusybox}); }
  void TearDown() override {
    std::string ids = Davit({"ps", "-aq"});
    for (size_t begin = 0; begin < ids.size(); begin = ids.find('\n', begin) + 1)
      TryDavit({"rm", "-f", ids.substr(begin, ids.find('\n', begin) - begin)});
    TryDavit({"network", "prune", "-f"});
    for (const std::string& bridge : bridges_) EXPECT_EQ(if_nametoindex(bridge.c_str()), 0u) << bridge;
    EXPECT_THAT(Shell("nft list tables"), Not(HasSubstr(instance().bridge() + "-users")));
    OwnInstanceTest::TearDown();
  }

  static std::string Shell(const std::string& command) {
    return client::Run({"/bin/sh", "-c", command}).output;
  }
  CommandOutcome TryDavit(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {DAVIT_BUILD_BIN_DIR "/davit", "--address", "unix://" + instance().socket()});
    return client::Run(arguments);
  }
  std::string Davit(const std::vector<std::string>& arguments) {
    CommandOutcome outcome = TryDavit(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << ::testing::PrintToString(arguments) << "\n" << outcome.output;
    return outcome.output;
  }
  std::string MakeNetwork(const std::string& name, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"network", "create"});
    options.push_back(name);
    std::string id = Davit(options);
    bridges_.push_back(NetworkOf(name)["Bridge"].get<std::string>());
    return id;
  }
  json NetworkOf(const std::string& name) { return json::parse(Davit({"network", "inspect", name})).at(0); }
  // A web server that has the file /etc/hostname.
  std::string RunServer(const std::string& name, std::vector<std::string> options = {}) {
    std::vector<std::string> words = {"run", "-d", "--name", name, "--hostname", name};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {kBusybox, "httpd", "-f", "-p", "80", "-h", "/"});
    Davit(words);
    std::string address =
        json::parse(Davit({"inspect", name})).at(0)["NetworkSettings"]["IPAddress"].get<std::string>();
    EXPECT_NE(address, "");
    return address;
  }
  // What `from` is told by the server at this name or address; "" if there is no answer.
  std::string Fetch(const std::string& from, const std::string& host) {
    CommandOutcome outcome =
        TryDavit({"exec", from, "timeout", "3", "wget", "-q", "-O", "-", "http://" + host + "/etc/hostname"});
    return outcome.exit_code == 0 ? outcome.output : "";
  }
  // A server listens a moment after its start.
  std::string AwaitFetch(const std::string& from, const std::string& host) {
    std::string answer;
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (answer.empty() && std::chrono::steady_clock::now() < end) {
      answer = Fetch(from, host);
      if (answer.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return answer;
  }
  std::string LookUp(const std::string& from, const std::string& name) {
    return TryDavit({"exec", from, "nslookup", name}).output;
  }

  std::vector<std::string> bridges_;
};

TEST_F(LocalNetworks, ContainersFindEachOtherByNameAliasAndId) {
  MakeNetwork("back");
  std::string db = RunServer("db", {"--network", "back", "--network-alias", "database"});
  RunServer("web", {"--network", "back"});
  std::string id = json::parse(Davit({"inspect", "db"})).at(0)["Id"].get<std::string>();
  for (const std::string& name :
       {std::string("db"), std::string("database"), std::string("db.back"), id.substr(0, 12), db})
    EXPECT_EQ(AwaitFetch("web", name), "db\n") << name;
  EXPECT_EQ(AwaitFetch("db", "web"), "web\n");
  EXPECT_THAT(LookUp("web", db), HasSubstr("db.back"));
  Davit({"rename", "db", "data"});
  EXPECT_EQ(AwaitFetch("web", "data"), "db\n");
  EXPECT_EQ(Fetch("web", "db"), "");
  Davit({"stop", "-t", "0", "data"});
  EXPECT_EQ(Fetch("web", "data"), "");
  Davit({"start", "data"});
  EXPECT_EQ(AwaitFetch("web", "data"), "db\n");
}

TEST_F(LocalNetworks, NetworksAreIsolatedFromEachOtherAndFromTheNodes) {
  MakeNetwork("one");
  MakeNetwork("two");
  std::string in_one = RunServer("ca", {"--network", "one"});
  std::string in_two = RunServer("cb", {"--network", "two"});
  std::string of_node = RunServer("cc");
  RunServer("cd", {"--network", "one"});
  EXPECT_EQ(AwaitFetch("cd", in_one), "ca\n");
  EXPECT_EQ(Fetch("ca", in_two), "");
  EXPECT_EQ(Fetch("cb", in_one), "");
  EXPECT_EQ(Fetch("ca", of_node), "");
  EXPECT_EQ(Fetch("cc", in_one), "");
  EXPECT_EQ(AwaitFetch("cb", "cb"), "cb\n");
  EXPECT_EQ(Fetch("cb", "ca"), "") << "no names of other networks";
  std::string gateway = NetworkOf("one")["IPAM"]["Config"][0]["Gateway"].get<std::string>();
  EXPECT_THAT(TryDavit({"exec", "cb", "timeout", "3", "nslookup", "ca", gateway}).output,
              Not(HasSubstr(in_one)))
      << "nor by their responders";
}

TEST_F(LocalNetworks, AnInternalNetworkHasNoWayOut) {
  MakeNetwork("inside", {"--internal"});
  std::string of_node = RunServer("outside");
  RunServer("ca", {"--network", "inside"});
  RunServer("cb", {"--network", "inside", "--cap-add", "NET_ADMIN"});
  EXPECT_EQ(AwaitFetch("cb", "ca"), "ca\n");
  EXPECT_THAT(Davit({"exec", "cb", "ip", "route"}), Not(HasSubstr("default")));
  std::string gateway = NetworkOf("inside")["IPAM"]["Config"][0]["Gateway"].get<std::string>();
  Davit({"exec", "cb", "ip", "route", "add", "default", "via", gateway});
  EXPECT_EQ(Fetch("cb", of_node), "");
  EXPECT_EQ(Fetch("outside", json::parse(Davit({"inspect", "ca"})).at(0)["NetworkSettings"]["IPAddress"]),
            "");
  EXPECT_THAT(LookUp("cb", "host.example.com"), HasSubstr("NXDOMAIN")) << "no question leaves it";
}

TEST_F(LocalNetworks, GoOnWithoutTheDaemonAndWithTheNext) {
  MakeNetwork("back");
  std::string db = RunServer("db", {"--network", "back"});
  RunServer("web", {"--network", "back"});
  ASSERT_EQ(AwaitFetch("web", "db"), "db\n");
  instance().Kill();
  instance().Restart();
  EXPECT_EQ(AwaitFetch("web", "db"), "db\n");
  EXPECT_EQ(AwaitFetch("web", db), "db\n");
  EXPECT_EQ(TryDavit({"network", "rm", "back"}).exit_code, 1);
  RunServer("new", {"--network", "back"});
  EXPECT_EQ(AwaitFetch("new", "db"), "db\n");
}

// What a reboot leaves: records, no processes, no devices.
TEST_F(LocalNetworks, ComeBackAfterAReboot) {
  MakeNetwork("back", {"--subnet", "10.213.9.0/24"});
  RunServer("db", {"--network", "back", "--restart", "always", "--ip", "10.213.9.99"});
  std::string bridge = bridges_.front();
  instance().Kill();
  for (const auto& [pod, pid] : ShimsOf(instance())) kill(pid, SIGKILL);
  Shell("ip link del " + bridge);
  instance().Restart();
  EXPECT_NE(if_nametoindex(bridge.c_str()), 0u);
  RunServer("web", {"--network", "back"});
  EXPECT_EQ(AwaitFetch("web", "db"), "db\n");
}

TEST_F(LocalNetworks, ARemovalIsRefusedWhileContainersUseTheNetwork) {
  std::string id = MakeNetwork("back");
  Davit({"create", "--name", "idle", "--network", "back", kBusybox, "true"});
  CommandOutcome refused = TryDavit({"network", "rm", "back"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("idle"));
  EXPECT_THAT(Davit({"network", "prune", "-f"}), IsEmpty());
  Davit({"rm", "idle"});
  EXPECT_EQ(Davit({"network", "rm", "back"}), "back\n");
  EXPECT_EQ(if_nametoindex(bridges_.front().c_str()), 0u);
  EXPECT_EQ(TryDavit({"network", "inspect", "back"}).exit_code, 1);
}

TEST_F(LocalNetworks, ADaemonThatIsKilledWhileItMakesNetworksLeavesNoneUnknown) {
  for (int i = 0; i < 5; ++i) {
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(3 * i));
      instance().Kill();
    });
    (void)TryDavit({"network", "create", "n" + std::to_string(i)});
    killer.join();
    instance().Restart();
    std::string listed = Davit({"network", "ls", "--no-trunc", "-q"});
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net")) {
      std::string name = entry.path().filename();
      if (name.size() != 15 || !name.starts_with("davit")) continue;
      EXPECT_THAT(listed, HasSubstr(name.substr(5))) << "a bridge of no network";
    }
  }
}

TEST_F(LocalNetworks, AddressesAreChosenAndShown) {
  MakeNetwork("back", {"--subnet", "10.213.7.0/24", "--gateway", "10.213.7.254", "--label", "a=b"});
  EXPECT_EQ(RunServer("db", {"--network", "back", "--ip", "10.213.7.9"}), "10.213.7.9");
  json network = NetworkOf("back");
  EXPECT_EQ(network["IPAM"]["Config"][0]["Gateway"], "10.213.7.254");
  EXPECT_EQ(network["Labels"]["a"], "b");
  EXPECT_EQ(network["Containers"].begin().value()["IPv4Address"], "10.213.7.9/24");
  EXPECT_THAT(Davit({"exec", "db", "cat", "/etc/resolv.conf"}), HasSubstr("nameserver 10.213.7.254\n"));
  CommandOutcome taken = TryDavit({"run", "-d", "--network", "back", "--ip", "10.213.7.9", kBusybox, "true"});
  EXPECT_EQ(taken.exit_code, 125);
  EXPECT_THAT(taken.output, HasSubstr("in use"));
  EXPECT_EQ(TryDavit({"run", "--rm", "--network", "other", kBusybox, "true"}).exit_code, 125);
  EXPECT_EQ(TryDavit({"network", "create", "--subnet", "10.213.7.128/25", "x"}).exit_code, 1);
  EXPECT_EQ(TryDavit({"network", "connect", "back", "db"}).exit_code, 125);
}

}  // namespace
}  // namespace davit::e2e
