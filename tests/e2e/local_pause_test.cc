// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit pause and unpause.

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/client/command.h"
#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LocalPause : public LocalContainers {
 protected:
  // A container that writes numbers to its log, with a child process of its own for each.
  void RunCounting(const std::string& name) {
    Davit({"run", "-d", "--name", name, kBusybox, "sh", "-c",
           "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"});
    WaitUntil("it counts", [&] { return !Log(name).empty(); });
  }
  std::string Log(const std::string& name) { return Davit({"logs", "--tail", "1", name}); }
  bool Counts(const std::string& name) {
    std::string before = Log(name);
    usleep(500'000);
    return Log(name) != before;
  }
};

TEST_F(LocalPause, FreezesAndGoesOn) {
  RunCounting("web");
  EXPECT_EQ(Davit({"pause", "web"}), "web\n");
  EXPECT_FALSE(Counts("web"));
  EXPECT_THAT(Davit({"ps"}), HasSubstr("(Paused)"));
  EXPECT_EQ(StateOf("web"), "paused");
  EXPECT_EQ(Inspect("web")["State"]["Paused"], true);
  EXPECT_THAT(Davit({"top", "web"}), HasSubstr("sh"));
  const std::vector<std::vector<std::string>> refusals = {{"exec", "web", "true"},
                                                          {"exec", "-i", "web", "true"},
                                                          {"exec", "-d", "web", "true"},
                                                          {"attach", "web"},
                                                          {"pause", "web"}};
  for (const std::vector<std::string>& words : refusals) {
    client::CommandOutcome refused = TryDavit(words);
    EXPECT_EQ(refused.exit_code, 1) << words[0];
    EXPECT_THAT(refused.output, HasSubstr("paused"));
  }
  EXPECT_EQ(TryDavit({"rm", "web"}).exit_code, 1) << "it is up";
  Davit({"unpause", "web"});
  EXPECT_TRUE(Counts("web"));
  EXPECT_THAT(Davit({"ps"}), Not(HasSubstr("(Paused)")));
  EXPECT_EQ(TryDavit({"unpause", "web"}).exit_code, 1);
}

TEST_F(LocalPause, AStopLetsItGoOn) {
  RunCounting("web");
  Davit({"pause", "web"});
  Davit({"stop", "-t", "20", "web"});
  EXPECT_EQ(Inspect("web")["State"]["ExitCode"], 0) << "it has heard the signal";
  EXPECT_EQ(TryDavit({"pause", "web"}).exit_code, 1);
  Davit({"start", "web"});
  Davit({"pause", "web"});
  Davit({"kill", "web"});
  EXPECT_EQ(Inspect("web")["State"]["ExitCode"], 137);
  Davit({"start", "web"});
  Davit({"pause", "web"});
  Davit({"rm", "-f", "web"});
  EXPECT_THAT(Davit({"ps", "-aq"}), IsEmpty());
}

TEST_F(LocalPause, LastsWhileTheDaemonRestarts) {
  RunCounting("web");
  RunCounting("ends");
  Davit({"pause", "web"});
  Davit({"pause", "ends"});
  instance().Kill();
  instance().Restart();
  Reconnect();
  EXPECT_EQ(StateOf("web"), "paused");
  EXPECT_FALSE(Counts("web"));
  Davit({"unpause", "web"});
  EXPECT_TRUE(Counts("web"));
  Davit({"rm", "-f", "ends"});
}

}  // namespace
}  // namespace davit::e2e
