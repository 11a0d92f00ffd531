// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit events.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/client/command.h"
#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LocalEvents : public LocalContainers {
 protected:
  // "create web", one for each event so far.
  std::vector<std::string> Past(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"events", "--since", "1h", "--until", "0s", "--format", "json"});
    std::istringstream lines(Davit(options));
    std::vector<std::string> events;
    for (std::string line; std::getline(lines, line);) {
      json event = json::parse(line);
      std::string text = event["Action"].get<std::string>();
      json attributes = event["Actor"]["Attributes"];
      if (attributes.contains("name")) text += " " + attributes["name"].get<std::string>();
      events.push_back(text);
    }
    return events;
  }
};

TEST_F(LocalEvents, TellOfContainersVolumesAndNetworks) {
  Davit({"volume", "create", "data"});
  Davit({"network", "create", "net"});
  RunIdle("web", {"-v", "data:/data", "--network", "net"});
  Davit({"pause", "web"});
  Davit({"unpause", "web"});
  Davit({"update", "--pids-limit", "50", "web"});
  Davit({"stop", "web"});
  Davit({"rm", "web"});
  Davit({"network", "rm", "net"});
  Davit({"volume", "rm", "data"});
  EXPECT_THAT(Past(),
              ElementsAre("create", "create net", "create web", "start web", "pause web", "unpause web",
                          "update web", "die web", "stop web", "destroy web", "destroy net", "destroy"));
  EXPECT_THAT(Past({"-f", "event=die", "-f", "container=web"}), ElementsAre("die web"));
  EXPECT_THAT(Past({"-f", "type=volume"}), ElementsAre("create", "destroy"));
  EXPECT_THAT(Davit({"events", "--since", "1h", "--until", "0s", "-f", "event=die"}),
              AllOf(HasSubstr("container die "), HasSubstr("exitCode=0"), HasSubstr("name=web")));
}

TEST_F(LocalEvents, HealthAndMemory) {
  RunIdle("web", {"--health-cmd", "true", "--health-interval", "200ms"});
  Davit({"run", "-d", "--name", "eats", "--memory", "16m", kBusybox, "sh", "-c", "tail /dev/zero"});
  Davit({"wait", "eats"});
  WaitUntil("the web is healthy", [&] { return !Past({"-f", "event=health_status"}).empty(); });
  EXPECT_THAT(Past({"-f", "event=health_status"}), ElementsAre("health_status: healthy web"));
  EXPECT_THAT(Past({"-f", "container=eats"}),
              ElementsAre("create eats", "start eats", "oom eats", "die eats"));
}

// A client that is stopped: its events wait for it in memory that is bounded, and nobody else waits.
TEST_F(LocalEvents, AreWatchedAsTheyHappenAndOneThatDoesNotReadHoldsUpNobody) {
  std::string file = instance().directory() + "/events";
  int output = open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(output, 0);
  std::string address = "unix://" + instance().socket();
  pid_t watcher = fork();
  if (watcher == 0) {
    dup2(output, STDOUT_FILENO);
    execl(DAVIT_BUILD_BIN_DIR "/davit", "davit", "--address", address.c_str(), "events", "-f",
          "type=container", nullptr);
    _exit(127);
  }
  close(output);
  auto text = [&] {
    std::stringstream content;
    content << std::ifstream(file).rdbuf();
    return content.str();
  };
  int rounds = 0;
  WaitUntil("it watches", [&] {
    Davit({"create", "--name", "c" + std::to_string(++rounds), kBusybox});
    return text().find("container create") != std::string::npos;
  });
  kill(watcher, SIGSTOP);
  RunIdle("web");
  Davit({"stop", "web"});
  EXPECT_THAT(text(), ::testing::Not(HasSubstr("name=web")));
  kill(watcher, SIGCONT);
  WaitUntil("it has read what it missed", [&] { return text().find("container stop") != std::string::npos; });
  kill(watcher, SIGINT);
  int status = 0;
  waitpid(watcher, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(LocalEvents, BadOptionsAreExplained) {
  client::CommandOutcome filter = TryDavit({"events", "-f", "colour=red", "--until", "0s"});
  EXPECT_EQ(filter.exit_code, 125);
  EXPECT_THAT(filter.output, HasSubstr("container, event"));
  EXPECT_THAT(TryDavit({"events", "--since", "yesterday"}).output, HasSubstr("--since"));
  EXPECT_THAT(Past(), IsEmpty());
}

}  // namespace
}  // namespace davit::e2e
