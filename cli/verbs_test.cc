// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs against a CRI server that runs nothing (fake_cri.h).
#include "cli/verbs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Line(const std::string& rest) {
  return "2026-01-02T03:04:05.123456789Z " + rest + "\n";
}

class VerbsTest : public VerbFixture {
 protected:
  RunOptions Run(const std::string& name) {
    return {.image = "busybox", .name = name, .log_root = dir_.path() + "/logs"};
  }
  RunOptions Detached(const std::string& name) {
    RunOptions options = Run(name);
    options.detach = true;
    return options;
  }
  bool LogsExist(const std::string& name) const {
    return std::filesystem::exists(dir_.path() + "/logs/" + name);
  }
};

// A verb that goes on while the test does other things.
class LiveVerb {
 public:
  LiveVerb(const Daemon& daemon, Interrupt& interrupt, const Verb& verb) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) abort();
    read_.Reset(ends[0]);
    write_.Reset(ends[1]);
    console_ = {.out = write_.get(), .err = write_.get()};
    thread_ = std::jthread([this, &daemon, &interrupt, verb] {
      Session session{daemon, console_, interrupt};
      status_ = std::visit([&session](const auto& options) { return Perform(session, options); }, verb);
      write_.Reset();  // ends a ReadLine that waits in vain
    });
  }

  // The next line of its output; waits for it.
  std::string ReadLine() {
    std::string line;
    char c = 0;
    while (read(read_.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }

  Result<int> Finish() {
    thread_.join();
    return status_;
  }

 private:
  UniqueFd read_;
  UniqueFd write_;
  Console console_;
  Result<int> status_ = 0;
  std::jthread thread_;
};

TEST_F(VerbsTest, RunPrintsTheOutputAndReturnsTheStatusOfTheWorkload) {
  cri_.SetScript(
      {.log = Line("stdout F hello") + Line("stderr F oh") + Line("stdout P no ") + Line("stdout F newline"),
       .exit_code = 3});
  EXPECT_EQ(Do(Run("web")).value(), 3);
  EXPECT_EQ(console_.Out(), "hello\nno newline\n");
  EXPECT_EQ(console_.Err(), "oh\n");
}

TEST_F(VerbsTest, RunKeepsTheStoppedPodAndItsLog) {
  cri_.SetScript({.exit_code = 0});
  EXPECT_EQ(Do(Run("web")).value(), 0);
  EXPECT_EQ(cri_.pods(), 1u);
  EXPECT_FALSE(cri_.PodIsReady());
  EXPECT_TRUE(LogsExist("web"));
}

TEST_F(VerbsTest, RunRemovesPodAndLogWhenAskedTo) {
  cri_.SetScript({.log = Line("stdout F hello"), .exit_code = 3});
  RunOptions options = Run("web");
  options.remove = true;
  EXPECT_EQ(Do(options).value(), 3);
  EXPECT_EQ(console_.Out(), "hello\n");
  EXPECT_EQ(cri_.pods(), 0u);
  EXPECT_FALSE(LogsExist("web"));
}

TEST_F(VerbsTest, RunPullsAnImageOnlyWhenItIsAbsent) {
  cri_.SetScript({.exit_code = 0});
  EXPECT_EQ(Do(Run("web")).value(), 0);
  EXPECT_THAT(cri_.images().pulls(), IsEmpty());
  RunOptions options = Run("db");
  options.image = "postgres";
  EXPECT_EQ(Do(options).value(), 0);
  EXPECT_THAT(cri_.images().pulls(), SizeIs(1));
}

TEST_F(VerbsTest, RunWithoutAnImageMakesNothing) {
  RunOptions options = Run("web");
  options.image = "missing";
  Result<int> status = Do(options);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "pull missing: no such manifest");
  EXPECT_EQ(cri_.pods(), 0u);
}

TEST_F(VerbsTest, RunLeavesNothingBehindWhenTheContainerDoesNotStart) {
  cri_.SetScript({.start_error = "exec /bin/nothing: No such file or directory"});
  Result<int> status = Do(Run("web"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "exec /bin/nothing: No such file or directory");
  EXPECT_EQ(cri_.pods(), 0u);
  EXPECT_FALSE(LogsExist("web"));
}

TEST_F(VerbsTest, RunOfATakenNameIsRefusedAndHarmsNobody) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  Result<int> second = Do(Detached("web"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
  EXPECT_TRUE(cri_.PodIsReady());
  EXPECT_TRUE(LogsExist("web"));
}

TEST_F(VerbsTest, DetachedRunPrintsTheContainersId) {
  std::string out = Answer(Detached("web"));
  EXPECT_EQ(out.size(), 65u);
  EXPECT_TRUE(cri_.PodIsReady());
  auto json = nlohmann::json::parse(Answer(Detached("db"), OutputFormat::kJson));
  EXPECT_EQ(json["name"], "db");
  EXPECT_EQ(json["id"].get<std::string>().size(), 64u);
}

TEST_F(VerbsTest, RunPrintsWhileTheWorkloadRuns) {
  LiveVerb run(daemon_, interrupt_, Run("web"));
  cri_.AwaitRunning();
  cri_.Write(Line("stdout F one"));
  EXPECT_EQ(run.ReadLine(), "one");
  cri_.Write(Line("stdout F two"));
  EXPECT_EQ(run.ReadLine(), "two");
  cri_.End(5);
  EXPECT_EQ(run.Finish().value(), 5);
}

TEST_F(VerbsTest, RunSurvivesARestartOfTheDaemon) {
  cri_.SetScript({.log = Line("stdout F one")});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  cri_.Shutdown();
  cri_.Write(Line("stdout F two"));
  EXPECT_EQ(run.ReadLine(), "two");
  cri_.End(4);
  cri_.Listen();
  EXPECT_EQ(run.Finish().value(), 4);
}

TEST_F(VerbsTest, AnInterruptStopsTheWorkloadWithGrace) {
  cri_.SetScript({.log = Line("stdout F one")});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  Press();
  EXPECT_EQ(run.ReadLine(), "bye");
  EXPECT_EQ(run.Finish().value(), 143);
  EXPECT_THAT(cri_.calls(), Contains("StopContainer 10"));
}

TEST_F(VerbsTest, ASecondInterruptKillsTheWorkload) {
  cri_.SetScript({.log = Line("stdout F one"), .heeds_stop = false});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  Press();
  EXPECT_EQ(run.ReadLine(), "not yet");
  Press();
  EXPECT_EQ(run.ReadLine(), "bye");
  EXPECT_EQ(run.Finish().value(), 137);
}

TEST_F(VerbsTest, LogsPrintsWhatThereIs) {
  cri_.SetScript({.log = Line("stdout F one") + Line("stderr F two")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(Answer(LogsOptions{.id = "web"}), "one\n");
}

TEST_F(VerbsTest, LogsFollowsUntilTheContainerEnds) {
  cri_.SetScript({.log = Line("stdout F one")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  LiveVerb logs(daemon_, interrupt_, LogsOptions{.id = "web", .follow = true});
  EXPECT_EQ(logs.ReadLine(), "one");
  cri_.Write(Line("stdout F two"));
  cri_.End(9);
  EXPECT_EQ(logs.ReadLine(), "two");
  EXPECT_EQ(logs.Finish().value(), 0);
}

TEST_F(VerbsTest, AnInterruptLeavesTheFollowedContainerAlone) {
  cri_.SetScript({.log = Line("stdout F one")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  LiveVerb logs(daemon_, interrupt_, LogsOptions{.id = "web", .follow = true});
  EXPECT_EQ(logs.ReadLine(), "one");
  Press();
  EXPECT_EQ(logs.Finish().value(), kInterrupted);
  EXPECT_TRUE(cri_.PodIsReady());
}

TEST_F(VerbsTest, ExecPassesOutputAndStatusOn) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  CapturedConsole console;
  Session session{daemon_, console.console(), interrupt_};
  EXPECT_EQ(Perform(session, ExecOptions{.id = "web", .command = {"ls", "-l"}}).value(), 7);
  EXPECT_EQ(console.Out(), "ls\n-l\n");
  EXPECT_EQ(console.Err(), "complaint\n");
}

TEST_F(VerbsTest, PsShowsWhatRuns) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  cri_.SetScript({.exit_code = 3});
  EXPECT_EQ(Do(Run("job")).value(), 3);
  std::string running = Answer(PsOptions{});
  EXPECT_THAT(running, HasSubstr("web"));
  EXPECT_THAT(running, HasSubstr("Running"));
  EXPECT_THAT(running, HasSubstr("10.88.0.7,fd00:88::7"));
  EXPECT_THAT(running, Not(HasSubstr("job")));
  EXPECT_THAT(Answer(PsOptions{.all = true}), HasSubstr("Exited (3)"));
}

TEST_F(VerbsTest, PsAsJsonHasWholeIdsAndFields) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  cri_.AddForeignPod("dns", {});
  auto json = nlohmann::json::parse(Answer(PsOptions{.all = true}, OutputFormat::kJson));
  ASSERT_EQ(json.size(), 2u);
  const auto& web = json[0].contains("id") ? json[0] : json[1];
  const auto& dns = json[0].contains("id") ? json[1] : json[0];
  EXPECT_EQ(web["name"], "web");
  EXPECT_EQ(web["state"], "Running");
  EXPECT_EQ(web["id"].get<std::string>().size(), 64u);
  EXPECT_EQ(dns["pod"]["name"], "dns");
  EXPECT_EQ(dns["pod"]["namespace"], "kube-system");
  EXPECT_EQ(nlohmann::json::parse(Answer(PsOptions{}, OutputFormat::kJson)).size(), 1u);
}

TEST_F(VerbsTest, StopEndsContainerAndPod) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(Answer(StopOptions{.ids = {"web"}, .grace_seconds = 2}), "web\n");
  EXPECT_THAT(cri_.calls(), Contains("StopContainer 2"));
  EXPECT_FALSE(cri_.PodIsReady());
  EXPECT_EQ(cri_.pods(), 1u);
}

TEST_F(VerbsTest, StopLeavesThePodsOfOthersUp) {
  cri_.AddForeignPod("dns", {"resolver", "sidecar"});
  EXPECT_EQ(Do(StopOptions{.ids = {"resolver"}}).value(), 0);
  EXPECT_TRUE(cri_.PodIsReady());
  EXPECT_THAT(Answer(PsOptions{}), HasSubstr("sidecar"));
}

TEST_F(VerbsTest, StopGoesOnAfterAFailure) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  Result<int> status = Do(StopOptions{.ids = {"nobody", "web", "noone"}});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("noone"));
  EXPECT_THAT(console_.Err(), HasSubstr("nobody"));
  EXPECT_FALSE(cri_.PodIsReady());
}

TEST_F(VerbsTest, RmRemovesPodAndLog) {
  cri_.SetScript({.exit_code = 0});
  EXPECT_EQ(Do(Run("web")).value(), 0);
  EXPECT_EQ(Answer(RmOptions{.ids = {"web"}}), "web\n");
  EXPECT_EQ(cri_.pods(), 0u);
  EXPECT_FALSE(LogsExist("web"));
}

TEST_F(VerbsTest, RmRefusesWhatRunsUnlessForced) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  Result<int> refused = Do(RmOptions{.ids = {"web"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(cri_.PodIsReady());
  EXPECT_EQ(Do(RmOptions{.ids = {"web"}, .force = true}).value(), 0);
  EXPECT_EQ(cri_.pods(), 0u);
}

TEST_F(VerbsTest, RmRefusesAPodOfWhichAnyContainerRuns) {
  cri_.AddForeignPod("dns", {"resolver", "sidecar"});
  EXPECT_EQ(Do(StopOptions{.ids = {"resolver"}}).value(), 0);
  EXPECT_FALSE(Do(RmOptions{.ids = {"resolver"}}));
  EXPECT_EQ(cri_.pods(), 1u);
}

TEST_F(VerbsTest, InfoTellsOfTheDaemonAndOfWhatItLacks) {
  std::string out = Answer(InfoOptions{});
  EXPECT_THAT(out, HasSubstr("fake 1.2.3"));
  EXPECT_THAT(out, HasSubstr("no: NoNetwork: no subnet left"));
  EXPECT_THAT(out, HasSubstr("cgroupfs"));
  auto json = nlohmann::json::parse(Answer(InfoOptions{}, OutputFormat::kJson));
  EXPECT_EQ(json["runtime"], "fake");
  EXPECT_EQ(json["images"], 1);
}

TEST_F(VerbsTest, ADaemonThatIsGoneIsNamedBySocketAndReason) {
  cri_.Shutdown();
  Result<int> status = Do(PsOptions{});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(),
            "cannot reach davitd: connect to unix://" + socket_ + ": No such file or directory");
}

TEST(DaemonTest, ConnectRefusesAddressesThatAreNoSocketPath) {
  Interrupt interrupt{UniqueFd()};
  for (const std::string& address : {std::string(), std::string("tcp://localhost:1"), std::string("unix://"),
                                     std::string("unix://relative"), "unix:///" + std::string(200, 'x')}) {
    auto daemon = Daemon::Connect(address, interrupt);
    ASSERT_FALSE(daemon) << address;
    EXPECT_EQ(daemon.error().code, Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace davit::cli
