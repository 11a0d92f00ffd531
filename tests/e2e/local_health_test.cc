// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Health checks of local containers.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/client/command.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kChecked[] = "registry.test/davit/checked:latest";

class LocalHealth : public LocalContainers {
 protected:
  // An idle container that is probed several times per second.
  void RunChecked(const std::string& name, const std::string& command,
                  std::vector<std::string> options = {}) {
    options.insert(options.end(),
                   {"--health-cmd", command, "--health-interval", "200ms", "--health-retries", "2"});
    RunIdle(name, options);
  }
  json HealthOf(const std::string& name) { return Inspect(name)["State"]["Health"]; }
  void AwaitHealth(const std::string& name, const std::string& status) {
    WaitUntil(name + " is " + status, [&] { return HealthOf(name)["Status"] == status; });
  }
};

TEST_F(LocalHealth, FollowsTheProbes) {
  RunChecked("web", "echo looks; test -f /up");
  AwaitHealth("web", "unhealthy");
  EXPECT_THAT(Davit({"ps"}), HasSubstr("(unhealthy)"));
  json log = HealthOf("web")["Log"];
  ASSERT_FALSE(log.empty());
  EXPECT_EQ(log[0]["ExitCode"], 1);
  EXPECT_EQ(log[0]["Output"], "looks\n");
  EXPECT_GE(HealthOf("web")["FailingStreak"], 2);
  Davit({"exec", "web", "touch", "/up"});
  AwaitHealth("web", "healthy");
  EXPECT_THAT(Davit({"ps"}), HasSubstr("(healthy)"));
  EXPECT_EQ(Inspect("web")["Config"]["Healthcheck"]["Test"][0], "CMD-SHELL");
}

TEST_F(LocalHealth, HasTheImagesCheckUnlessItIsTurnedOff) {
  Davit({"pull", "--quiet", kChecked});
  Davit({"run", "-d", "--name", "web", kChecked});
  EXPECT_THAT(Davit({"ps"}), HasSubstr("(health: starting)"));
  AwaitHealth("web", "healthy");
  Davit({"run", "-d", "--name", "plain", "--no-healthcheck", kChecked});
  EXPECT_FALSE(Inspect("plain")["State"].contains("Health"));
  Davit({"run", "-d", "--name", "other", "--health-cmd", "false", "--health-retries", "1", kChecked});
  AwaitHealth("other", "unhealthy");
}

// The probe's own children die with it, and what it writes is cut.
TEST_F(LocalHealth, AHostileProbeIsEnded) {
  RunChecked("hangs", "sleep 1234 & yes | head -c 20000000; sleep 1234", {"--health-timeout", "1s"});
  RunChecked("floods", "yes | head -c 20000000");
  RunChecked("web", "true");
  AwaitHealth("web", "healthy");
  AwaitHealth("hangs", "unhealthy");
  EXPECT_EQ(HealthOf("hangs")["Log"][0]["ExitCode"], -1);
  EXPECT_THAT(HealthOf("hangs")["Log"][0]["Output"].get<std::string>(), HasSubstr("1000 ms"));
  AwaitHealth("floods", "healthy");
  EXPECT_EQ(HealthOf("floods")["Log"][0]["Output"].get<std::string>().size(), 4096u);
  Davit({"stop", "hangs"});
  WaitUntil("no process of a probe is left", [] { return ProcessesWith("sleep 1234").empty(); });
}

TEST_F(LocalHealth, ARestartedDaemonProbesAgain) {
  RunChecked("web", "true");
  AwaitHealth("web", "healthy");
  instance().Kill();
  instance().Restart();
  Reconnect();
  AwaitHealth("web", "healthy");
  Davit({"exec", "web", "true"});
  Davit({"stop", "web"});
  EXPECT_THAT(Davit({"ps", "-a"}), Not(HasSubstr("healthy")));
}

TEST_F(LocalHealth, BadOptionsAreExplained) {
  const std::vector<std::vector<std::string>> bad = {
      {"--health-interval", "10"}, {"--health-retries", "-1"}, {"--no-healthcheck", "--health-cmd", "true"}};
  for (const std::vector<std::string>& words : bad) {
    std::vector<std::string> command = {"run", "--rm"};
    command.insert(command.end(), words.begin(), words.end());
    command.insert(command.end(), {kBusybox, "true"});
    client::CommandOutcome run = TryDavit(command);
    EXPECT_EQ(run.exit_code, 125) << words[0];
    EXPECT_THAT(run.output, HasSubstr(words[0]));
  }
  EXPECT_THAT(Davit({"ps", "-aq"}), IsEmpty());
}

}  // namespace
}  // namespace davit::e2e
