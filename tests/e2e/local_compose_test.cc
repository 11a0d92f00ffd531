// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Projects of Compose files: `davit compose`.
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/e2e/local_containers.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Each test has its own daemon and a directory with files.
class LocalCompose : public LocalContainers {
 protected:
  void SetUp() override {
    LocalContainers::SetUp();
    char name[] = "/tmp/davit-compose-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    setenv("DAVIT_COMPOSE_DIR", (directory_ + "/attachments").c_str(), /*replace=*/1);
  }
  void TearDown() override {
    if (std::filesystem::exists(directory_ + "/compose.yaml"))
      TryCompose({"down", "-v", "-t", "0", "--remove-orphans"});
    std::filesystem::remove_all(directory_);
    unsetenv("DAVIT_COMPOSE_DIR");
    LocalContainers::TearDown();
    EXPECT_THAT(client::Run({"/bin/sh", "-c", "nft list tables"}).output,
                Not(HasSubstr(instance().bridge() + "-users")));
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
  }
  CommandOutcome TryCompose(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"compose", "-p", "shop", "-f", directory_ + "/compose.yaml"});
    return TryDavit(arguments);
  }
  std::string Compose(const std::vector<std::string>& arguments) {
    CommandOutcome outcome = TryCompose(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << ::testing::PrintToString(arguments) << "\n" << outcome.output;
    return outcome.output;
  }
  // What the service `from` is told by a web server.
  std::string AwaitFetch(const std::string& from, const std::string& host) {
    std::string answer;
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (answer.empty() && std::chrono::steady_clock::now() < end) {
      CommandOutcome outcome =
          TryCompose({"exec", "-T", from, "timeout", "3", "wget", "-q", "-O", "-", "http://" + host});
      if (outcome.exit_code == 0) answer = outcome.output;
      if (answer.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return answer;
  }
  std::string IdOf(const std::string& name) { return Inspect(name)["Id"].get<std::string>(); }

  std::string directory_;
};

// A web server with a page that a job has written, and a client.
std::string Stack() {
  return std::string("services:\n  web:\n    image: &image ") + kBusybox +
         "\n    command: httpd -f -p 80 -h /srv\n    volumes: ['pages:/srv:ro']\n    depends_on:\n"
         "      seed: {condition: service_completed_successfully}\n"
         "  seed:\n    image: *image\n    command: [sh, -c, 'echo \"$${GREETING}\" > /srv/index.html']\n"
         "    volumes: ['pages:/srv']\n    env_file: seed.env\n"
         "  client:\n    image: *image\n    command: sleep 1000\n    stop_signal: KILL\n    depends_on: "
         "[web]\n    secrets: [pass]\n"
         "volumes: {pages: }\nsecrets: {pass: {file: ./pass.txt}}\n";
}

TEST_F(LocalCompose, AStackComesUpInOrderAndGoesDownWithItsThings) {
  Write("compose.yaml", Stack());
  Write("seed.env", "GREETING=hello from the job\n");
  Write("pass.txt", "open sesame");
  std::string said = Compose({"up", "-d"});
  EXPECT_THAT(said, AllOf(HasSubstr("Network shop_default  Created"), HasSubstr("Volume shop_pages  Created"),
                          HasSubstr("Container shop-client-1  Started")));
  EXPECT_EQ(AwaitFetch("client", "web"), "hello from the job\n");
  EXPECT_EQ(Compose({"exec", "-T", "client", "cat", "/run/secrets/pass"}), "open sesame");
  EXPECT_NE(TryCompose({"exec", "-T", "client", "sh", "-c", "echo x > /run/secrets/pass"}).exit_code, 0);
  std::string list = Compose({"ps"});
  EXPECT_THAT(list, AllOf(HasSubstr("shop-web-1"), HasSubstr("Up"), Not(HasSubstr("shop-seed-1"))));
  EXPECT_THAT(Compose({"ps", "-a"}), HasSubstr("Exited (0)"));
  EXPECT_THAT(Davit({"compose", "ls"}), AllOf(HasSubstr("shop"), HasSubstr("running(2)")));

  Compose({"down"});
  EXPECT_EQ(Davit({"ps", "-aq"}), "");
  EXPECT_THAT(Davit({"volume", "ls"}), HasSubstr("shop_pages")) << "volumes stay without -v";
  EXPECT_THAT(Davit({"network", "ls"}), Not(HasSubstr("shop_default")));
  Compose({"down", "-v"});
  EXPECT_THAT(Davit({"volume", "ls"}), Not(HasSubstr("shop_pages")));
}

TEST_F(LocalCompose, UpReplacesOnlyWhatHasChanged) {
  auto file = [](const std::string& value) {
    return std::string("services:\n  a: {image: &i ") + kBusybox +
           ", command: sleep 1000, stop_signal: KILL}\n" +
           "  b: {image: *i, command: sh -c 'trap exit TERM; echo $$VALUE; while sleep 0.1; do :; done', "
           "environment: "
           "{VALUE: '" +
           value + "'}, volumes: ['/kept']}\n";
  };
  Write("compose.yaml", file("1"));
  Compose({"up", "-d"});
  std::string a = IdOf("shop-a-1");
  std::string b = IdOf("shop-b-1");
  Compose({"exec", "-T", "b", "sh", "-c", "echo data > /kept/file"});
  Compose({"up", "-d"});
  EXPECT_EQ(IdOf("shop-b-1"), b);
  Write("compose.yaml", file("2"));
  EXPECT_THAT(Compose({"up", "-d"}), HasSubstr("Container shop-b-1  Recreated"));
  EXPECT_EQ(IdOf("shop-a-1"), a);
  EXPECT_NE(IdOf("shop-b-1"), b);
  EXPECT_EQ(Compose({"exec", "-T", "b", "cat", "/kept/file"}), "data\n") << "anonymous volumes stay";
  EXPECT_THAT(Compose({"logs", "b"}), HasSubstr("b-1 | 2\n"));
  Compose({"up", "-d", "--scale", "a=3"});
  EXPECT_THAT(Compose({"ps"}), HasSubstr("shop-a-3"));
  Compose({"up", "-d"});
  EXPECT_THAT(Compose({"ps"}), Not(HasSubstr("shop-a-3")));
}

TEST_F(LocalCompose, UpInTheForegroundEndsWithAService) {
  Write("compose.yaml", std::string("services:\n  job: {image: &i ") + kBusybox +
                            ", command: sh -c 'echo working; exit 5', depends_on: [other]}\n" +
                            "  other: {image: *i, command: sleep 1000, stop_signal: KILL}\n");
  CommandOutcome outcome = TryCompose({"up", "--exit-code-from", "job"});
  EXPECT_EQ(outcome.exit_code, 5) << outcome.output;
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("job-1   | working\n"), HasSubstr("job-1 exited with code 5"),
                                    HasSubstr("Container shop-other-1  Stopped")));
  EXPECT_EQ(StateOf("shop-other-1"), "exited");
}

TEST_F(LocalCompose, RunHasAContainerOfItsOwn) {
  Write("compose.yaml", std::string("services:\n  web: {image: &i ") + kBusybox +
                            ", command: httpd -f -p 80 -h /etc, stop_signal: KILL}\n" +
                            "  tool: {image: *i, depends_on: [web], environment: {WHO: me}}\n");
  EXPECT_THAT(Compose({"run", "--rm", "-T", "tool", "sh", "-c", "echo $WHO"}), HasSubstr("me\n"));
  EXPECT_EQ(TryCompose({"run", "--rm", "-T", "tool", "sh", "-c", "exit 7"}).exit_code, 7);
  EXPECT_EQ(StateOf("shop-web-1"), "running") << "what it depends on was started";
  EXPECT_THAT(Davit({"ps", "-a"}), Not(HasSubstr("-run-")));
  Compose({"stop", "web"});
  EXPECT_EQ(StateOf("shop-web-1"), "exited");
  Compose({"start", "web"});
  EXPECT_EQ(StateOf("shop-web-1"), "running");
}

TEST_F(LocalCompose, WhatIsWrongIsSaidBeforeAnythingIsMade) {
  Write("compose.yaml", std::string("services:\n  web:\n    image: ") + kBusybox + "\n    comand: sleep 1\n");
  CommandOutcome outcome = TryCompose({"up", "-d"});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output,
              HasSubstr("compose.yaml:4: the key services.web.comand is not known; did you mean command?"));
  EXPECT_EQ(Davit({"ps", "-aq"}), "");
  std::filesystem::remove(directory_ + "/compose.yaml");
}

}  // namespace
}  // namespace davit::e2e
