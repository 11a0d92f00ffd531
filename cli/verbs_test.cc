// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs against a CRI server that runs nothing (fake_cri.h).
#include "cli/verbs.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/testing/verb_fixture.h"

namespace davit::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string Line(const std::string& rest) {
  return "2026-01-02T03:04:05.123456789Z " + rest + "\n";
}

class VerbsTest : public VerbFixture {
 protected:
  static RunOptions Run(const std::string& name) { return {.image = "busybox", .name = name}; }
  static RunOptions Detached(const std::string& name) {
    RunOptions options = Run(name);
    options.detach = true;
    return options;
  }
  FakeContainers& containers() { return cri_.containers(); }
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
  containers().SetScript(
      {.log = Line("stdout F hello") + Line("stderr F oh") + Line("stdout P no ") + Line("stdout F newline"),
       .exit_code = 3});
  EXPECT_EQ(Do(Run("web")).value(), 3);
  EXPECT_EQ(console_.Out(), "hello\nno newline\n");
  EXPECT_EQ(console_.Err(), "oh\n");
  EXPECT_THAT(containers().names(), ElementsAre("web")) << "it stays, without --rm";
}

TEST_F(VerbsTest, RunShowsTheOutputOfAContainerThatIsRemovedAtOnce) {
  containers().SetScript({.log = Line("stdout F hello"), .exit_code = 3});
  RunOptions options = Run("web");
  options.remove = true;
  EXPECT_EQ(Do(options).value(), 3);
  EXPECT_TRUE(containers().last_spec().auto_remove());
  EXPECT_THAT(containers().names(), IsEmpty());
}

TEST_F(VerbsTest, RunPullsAsItIsTold) {
  containers().SetScript({.exit_code = 0});
  EXPECT_EQ(Do(Run("web")).value(), 0);
  EXPECT_THAT(cri_.images().pulls(), IsEmpty());
  RunOptions absent = Run("db");
  absent.image = "postgres";
  EXPECT_EQ(Do(absent).value(), 0);
  EXPECT_THAT(cri_.images().pulls(), SizeIs(1));
  RunOptions always = Run("again");
  always.pull = "always";
  EXPECT_EQ(Do(always).value(), 0);
  EXPECT_THAT(cri_.images().pulls(), SizeIs(2));
  RunOptions never = Run("never");
  never.image = "redis";
  never.pull = "never";
  EXPECT_EQ(Do(never).error().code, Code::kNotFound);
  EXPECT_THAT(cri_.images().pulls(), SizeIs(2));
}

TEST_F(VerbsTest, RunWithoutAnImageMakesNothing) {
  RunOptions options = Run("web");
  options.image = "missing";
  Result<int> status = Do(options);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().ToString(), "pull missing: no such manifest");
  EXPECT_THAT(containers().names(), IsEmpty());
}

TEST_F(VerbsTest, RunOfAProgramThatDoesNotExistHasTheStatusOfShells) {
  containers().SetScript(
      {.start_error = "exec /bin/nothing: No such file or directory", .start_exit_code = 127});
  EXPECT_EQ(Do(Run("web")).value(), 127);
  EXPECT_THAT(console_.Err(), HasSubstr("exec /bin/nothing: No such file or directory"));
  EXPECT_THAT(containers().names(), ElementsAre("web"));
  RunOptions removed = Run("job");
  removed.remove = removed.detach = true;
  EXPECT_EQ(Do(removed).value(), 127);
  EXPECT_THAT(containers().names(), ElementsAre("web"));
}

TEST_F(VerbsTest, RunOfATakenNameIsRefused) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  Result<int> second = Do(Detached("web"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kAlreadyExists);
}

TEST_F(VerbsTest, CreateAndDetachedRunPrintTheContainersId) {
  EXPECT_EQ(Answer(Detached("web")).size(), 65u);
  auto json = nlohmann::json::parse(Answer(CreateOptions{Run("db")}, OutputFormat::kJson));
  EXPECT_EQ(json["name"], "db");
  EXPECT_EQ(json["id"].get<std::string>().size(), 64u);
  EXPECT_THAT(containers().calls(), ElementsAre("Create web", "Start web", "Create db"));
}

TEST_F(VerbsTest, RunPrintsWhileTheWorkloadRuns) {
  LiveVerb run(daemon_, interrupt_, Run("web"));
  containers().AwaitRunning();
  containers().Write(Line("stdout F one"));
  EXPECT_EQ(run.ReadLine(), "one");
  containers().Write(Line("stdout F two"));
  EXPECT_EQ(run.ReadLine(), "two");
  containers().End(5);
  EXPECT_EQ(run.Finish().value(), 5);
}

TEST_F(VerbsTest, RunSurvivesARestartOfTheDaemon) {
  containers().SetScript({.log = Line("stdout F one")});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  cri_.Shutdown();
  containers().Write(Line("stdout F two"));
  EXPECT_EQ(run.ReadLine(), "two");
  containers().End(4);
  cri_.Listen();
  EXPECT_EQ(run.Finish().value(), 4);
}

// As after several rotations between two looks.
TEST_F(VerbsTest, LogsFailIfOutputWasLost) {
  containers().SetScript({.log = Line("stdout F one")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  LogsOptions options{.id = "web", .follow = true};
  LiveVerb logs(daemon_, interrupt_, options);
  EXPECT_EQ(logs.ReadLine(), "one");
  containers().ReplaceLog(Line("stdout F three"));
  Result<int> status = logs.Finish();
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("the log was rotated faster than it was read"));
  EXPECT_EQ(StatusOfFailure(options, status.error()), kContainerError);
}

TEST_F(VerbsTest, RunLosesNothingIfTheLogIsRotated) {
  containers().SetScript({.log = Line("stdout F one")});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  containers().Write(Line("stdout F two"));
  containers().ReplaceLog(Line("stdout F three"));
  EXPECT_EQ(run.ReadLine(), "two");
  containers().End(0);
  EXPECT_EQ(run.Finish().value(), 0);
}

TEST_F(VerbsTest, AnInterruptIsPassedOnToTheWorkload) {
  containers().SetScript({.log = Line("stdout F one")});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  Press();
  EXPECT_EQ(run.ReadLine(), "bye");
  EXPECT_EQ(run.Finish().value(), 130);
  EXPECT_THAT(containers().calls(), Contains("Kill web 2"));
}

TEST_F(VerbsTest, AWorkloadThatIgnoresInterruptsIsLeftAloneAfterThree) {
  containers().SetScript({.log = Line("stdout F one"), .heeds_stop = false});
  LiveVerb run(daemon_, interrupt_, Run("web"));
  EXPECT_EQ(run.ReadLine(), "one");
  for (int i = 0; i < 4; ++i) Press();
  EXPECT_EQ(run.Finish().value(), 130);
  EXPECT_THAT(containers().calls(), Not(Contains(HasSubstr("Stop"))));
}

TEST_F(VerbsTest, LogsPrintsWhatIsChosen) {
  containers().SetScript(
      {.log = Line("stdout F one") + Line("stderr F two") + Line("stdout P thr") + Line("stdout F ee")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(Answer(LogsOptions{.id = "web"}), "one\nthree\n");
  EXPECT_EQ(Answer(LogsOptions{.id = "web", .tail = "1"}), "three\n");
  EXPECT_EQ(Answer(LogsOptions{.id = "web", .timestamps = true, .tail = "1"}),
            "2026-01-02T03:04:05.123456789Z three\n");
  EXPECT_EQ(Answer(LogsOptions{.id = "web", .since = "2026-01-03"}), "");
  EXPECT_EQ(Answer(LogsOptions{.id = "web", .until = "2026-01-03"}), "one\nthree\n");
  EXPECT_EQ(Answer(LogsOptions{.id = "web", .until = "2026-01-02"}), "");
  EXPECT_EQ(Answer(LogsOptions{.id = "web", .follow = true, .until = "2026-01-03"}), "one\nthree\n")
      << "a time that has passed ends it";
  EXPECT_THAT(Do(LogsOptions{.id = "web", .until = "soon"}).error().ToString(), HasSubstr("--until soon"));
  EXPECT_EQ(Do(LogsOptions{.id = "web", .tail = "few"}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(Do(LogsOptions{.id = "nobody"}).error().code, Code::kNotFound);
}

TEST_F(VerbsTest, LogsFollowsUntilTheContainerEnds) {
  containers().SetScript({.log = Line("stdout F zero") + Line("stdout F one")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  LiveVerb logs(daemon_, interrupt_, LogsOptions{.id = "web", .follow = true, .tail = "1"});
  EXPECT_EQ(logs.ReadLine(), "one");
  containers().Write(Line("stdout F two") + Line("stdout F three"));
  containers().End(9);
  EXPECT_EQ(logs.ReadLine(), "two") << "the choice is of what there was";
  EXPECT_EQ(logs.ReadLine(), "three");
  EXPECT_EQ(logs.Finish().value(), 0);
}

TEST_F(VerbsTest, AnInterruptLeavesTheFollowedContainerAlone) {
  containers().SetScript({.log = Line("stdout F one")});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  LiveVerb logs(daemon_, interrupt_, LogsOptions{.id = "web", .follow = true});
  EXPECT_EQ(logs.ReadLine(), "one");
  Press();
  EXPECT_EQ(logs.Finish().value(), kInterrupted);
  EXPECT_THAT(containers().calls(), Not(Contains(HasSubstr("Stop"))));
}

TEST_F(VerbsTest, ExecPassesOutputAndStatusOn) {
  Answer(Detached("web"));
  EXPECT_EQ(Do(ExecOptions{.id = "web", .command = {"ls", "-l"}}).value(), 7);
  EXPECT_EQ(console_.Out(), "ls\n-l\n");
  EXPECT_EQ(console_.Err(), "complaint\n");
  EXPECT_EQ(Do(ExecOptions{.id = "web", .command = {"missing"}}).value(), 127);
  EXPECT_THAT(console_.Err(), HasSubstr("No such file"));
}

TEST_F(VerbsTest, ExecAndPsWorkWithTheKubelets) {
  cri_.AddForeignPod("dns", {"resolver"});
  EXPECT_EQ(Do(ExecOptions{.id = "resolver", .command = {"ls"}}).value(), 7);
  EXPECT_THAT(Answer(PsOptions{.kubelets = true}), HasSubstr("kube-system/dns/resolver"));
  EXPECT_THAT(Answer(PsOptions{.all = true}), Not(HasSubstr("resolver")));
}

TEST_F(VerbsTest, WhatIsTheKubeletsIsNotTouched) {
  cri_.AddForeignPod("dns", {"resolver"});
  for (const Verb& verb :
       {Verb(StopOptions{.ids = {"resolver"}}), Verb(RmOptions{.ids = {"resolver"}, .force = true})}) {
    Result<int> status = std::visit([this](const auto& options) { return Do(options); }, verb);
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().ToString(), HasSubstr("belongs to the kubelet"));
  }
  EXPECT_THAT(cri_.calls(), IsEmpty());
}

TEST_F(VerbsTest, PsShowsWhatRunsInTheColumnsOfDocker) {
  RunOptions web = Detached("web");
  web.ports = {"8080:80"};
  web.command = {"httpd", "-f", "-v", "-p", "80", "-h", "/www"};
  EXPECT_EQ(Do(web).value(), 0);
  containers().SetScript({.exit_code = 3});
  EXPECT_EQ(Do(Run("job")).value(), 3);
  std::string running = Answer(PsOptions{});
  EXPECT_THAT(running, StartsWith("CONTAINER ID   IMAGE     COMMAND"));
  EXPECT_THAT(running, HasSubstr("0.0.0.0:8080->80/tcp, [::]:8080->80/tcp"));
  EXPECT_THAT(running, HasSubstr("\"httpd -f -v -p 80 -…\""));
  EXPECT_THAT(running, HasSubstr("Up "));
  EXPECT_THAT(running, Not(HasSubstr("job")));
  EXPECT_THAT(Answer(PsOptions{.all = true}), HasSubstr("Exited (3) "));
}

TEST_F(VerbsTest, PsPrintsIdsTemplatesAndJson) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(Answer(PsOptions{.quiet = true}).size(), 13u);
  EXPECT_EQ(Answer(PsOptions{.quiet = true, .no_trunc = true}).size(), 65u);
  EXPECT_EQ(Answer(PsOptions{.format = "{{.Names}}={{.Image}}"}), "web=busybox\n");
  EXPECT_EQ(Answer(PsOptions{.format = "table {{.Names}}\\t{{.Image}}"}), "NAMES   IMAGE\nweb     busybox\n");
  EXPECT_EQ(nlohmann::json::parse(Answer(PsOptions{.format = "json"}))["Names"], "web");
  auto json = nlohmann::json::parse(Answer(PsOptions{}, OutputFormat::kJson));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["State"], "running");
  EXPECT_EQ(json[0]["ID"].get<std::string>().size(), 64u);
  EXPECT_THAT(Do(PsOptions{.format = "{{.Nmaes}}"}).error().ToString(), HasSubstr(".Names"));
}

TEST_F(VerbsTest, InspectPrintsTheDocumentOfDocker) {
  RunOptions web = Detached("web");
  web.ports = {"8080:80"};
  web.restart = "always";
  EXPECT_EQ(Do(web).value(), 0);
  auto json = nlohmann::json::parse(Answer(InspectOptions{.ids = {"web"}}));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["Name"], "/web");
  EXPECT_EQ(json[0]["State"]["Running"], true);
  EXPECT_EQ(json[0]["HostConfig"]["RestartPolicy"]["Name"], "always");
  EXPECT_EQ(json[0]["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"], "8080");
  EXPECT_EQ(Answer(InspectOptions{.ids = {"web"},
                                  .format = "{{.State.Status}} {{json .NetworkSettings.IPAddress}}"}),
            "running \"10.88.0.7\"\n");
  EXPECT_EQ(Do(InspectOptions{.ids = {"nobody"}}).error().code, Code::kNotFound);
}

TEST_F(VerbsTest, InspectShowsTheKubeletsToo) {
  cri_.AddForeignPod("dns", {"resolver"});
  auto json = nlohmann::json::parse(Answer(InspectOptions{.ids = {"resolver"}}));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["Name"], "/kube-system/dns/resolver");
  EXPECT_EQ(json[0]["State"]["Status"], "running");
  EXPECT_EQ(json[0]["State"]["Pid"], 4711);
  EXPECT_EQ(json[0]["Path"], "dnsd");
  EXPECT_EQ(json[0]["Args"][0], "-v");
}

TEST_F(VerbsTest, TopListsTheProcessesOfLocalContainersAndOfTheKubelets) {
  cri_.AddForeignPod("dns", {"resolver"});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  for (const char* name : {"web", "resolver"}) {
    std::string out = Answer(TopOptions{.id = name});
    EXPECT_THAT(out, StartsWith("UID"));
    EXPECT_THAT(out, HasSubstr("cli_test"));
    auto json = nlohmann::json::parse(Answer(TopOptions{.id = name}, OutputFormat::kJson));
    ASSERT_EQ(json.size(), 1u);
    EXPECT_EQ(json[0]["PID"], std::to_string(getpid()));
  }
  EXPECT_EQ(Do(TopOptions{.id = "nobody"}).error().code, Code::kNotFound);
  Answer(StopOptions{.ids = {"web"}});
  EXPECT_EQ(Do(TopOptions{.id = "web"}).error().code, Code::kFailedPrecondition);
}

TEST_F(VerbsTest, StatsShowsTheUseBetweenTwoSamples) {
  cri_.AddForeignPod("dns", {"resolver"});
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(Answer(StatsOptions{.once = true,
                                .format = "{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.NetIO}} "
                                          "{{.PIDs}}"}),
            "web 50.00% 3MiB / 64MiB 4.69% 1.52kB / 7B 2\n");
  std::string all = Answer(StatsOptions{.kubelets = true, .once = true});
  EXPECT_THAT(all, StartsWith("CONTAINER ID"));
  EXPECT_THAT(all, HasSubstr("kube-system/dns/resolver"));
  EXPECT_THAT(Answer(StatsOptions{.ids = {"resolver"}, .once = true, .format = "{{.PIDs}} {{.NetIO}}"}),
              "1 2kB / 0B\n");
  EXPECT_EQ(Do(StatsOptions{.ids = {"nobody"}, .once = true}).error().code, Code::kNotFound);
}

TEST_F(VerbsTest, StatsGoesOnUntilAnInterrupt) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  LiveVerb stats(daemon_, interrupt_, StatsOptions{.format = "{{.Name}}"});
  EXPECT_EQ(stats.ReadLine(), "web");
  EXPECT_EQ(stats.ReadLine(), "web");
  Press();
  EXPECT_EQ(stats.Finish().value(), 0);
}

TEST_F(VerbsTest, TheIdFileIsWrittenOnceAndNotReplaced) {
  RunOptions options = Detached("web");
  options.id_file = socket_ + ".cid";
  std::string printed = Answer(options);
  std::ifstream file(options.id_file);
  std::string id((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(id + "\n", printed);
  options.name = "again";
  EXPECT_THAT(Do(options).error().ToString(), HasSubstr(".cid"));
  EXPECT_THAT(containers().names(), ElementsAre("web"));
}

TEST_F(VerbsTest, ChangesGoOnAfterAFailure) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  Result<int> status = Do(StopOptions{.ids = {"nobody", "web", "noone"}, .grace_seconds = 2});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().ToString(), HasSubstr("noone"));
  EXPECT_THAT(console_.Err(), HasSubstr("nobody"));
  EXPECT_THAT(containers().calls(), Contains("Stop web 2"));
}

TEST_F(VerbsTest, StartRestartKillRenameAndWaitCallTheDaemon) {
  Answer(Detached("web"));
  EXPECT_EQ(Answer(StopOptions{.ids = {"web"}}), "web\n");
  EXPECT_EQ(Answer(WaitOptions{.ids = {"web", "web"}}), "143\n143\n");
  Result<int> absent = Do(WaitOptions{.ids = {"nobody", "web", "noone"}});
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().ToString(), HasSubstr("noone"));
  EXPECT_EQ(console_.Out(), "143\n") << "it goes on";
  EXPECT_THAT(console_.Err(), HasSubstr("nobody"));
  EXPECT_EQ(Answer(StartOptions{.ids = {"web"}}), "web\n");
  EXPECT_EQ(Answer(RestartOptions{.ids = {"web"}, .grace_seconds = 3}), "web\n");
  EXPECT_EQ(Answer(KillOptions{.ids = {"web"}, .signal = "hup"}), "web\n");
  EXPECT_EQ(Do(KillOptions{.ids = {"web"}, .signal = "x"}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(Do(RenameOptions{.id = "web", .name = "front"}).value(), 0);
  EXPECT_THAT(containers().names(), ElementsAre("front"));
  EXPECT_THAT(containers().calls(), ElementsAre("Create web", "Start web", "Stop web default", "Start web",
                                                "Restart web 3", "Kill web 1"));
}

TEST_F(VerbsTest, PausedOnesAreShownAsSuch) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(Answer(PauseOptions{.ids = {"web"}}), "web\n");
  EXPECT_THAT(Answer(PsOptions{.format = "{{.State}} {{.Status}}"}),
              ::testing::MatchesRegex("paused Up .* \\(Paused\\)\n"));
  EXPECT_EQ(Answer(InspectOptions{.ids = {"web"}, .format = "{{.State.Status}} {{.State.Paused}}"}),
            "paused true\n");
  EXPECT_EQ(Answer(UnpauseOptions{.ids = {"web"}}), "web\n");
  EXPECT_EQ(Answer(PsOptions{.format = "{{.State}}"}), "running\n");
  EXPECT_EQ(Do(PauseOptions{.ids = {"nobody"}}).error().code, Code::kNotFound);
}

TEST_F(VerbsTest, UpdateSendsWhatIsToChange) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  EXPECT_EQ(
      Answer(UpdateOptions{.ids = {"web"}, .memory = "64m", .cpu_shares = 512, .restart = "on-failure:2"}),
      "web\n");
  EXPECT_THAT(containers().calls().back(),
              AllOf(HasSubstr("memory_bytes: 67108864"), HasSubstr("cpu_shares: 512"),
                    HasSubstr("ON_FAILURE"), ::testing::Not(HasSubstr("pids_limit"))));
  EXPECT_EQ(Answer(UpdateOptions{.ids = {"web"}, .memory_swap = "-1", .cpus = "0", .pids_limit = -1}),
            "web\n");
  EXPECT_THAT(containers().calls().back(),
              AllOf(HasSubstr("memory_swap_bytes: -1"), HasSubstr("nano_cpus: 0")));
  for (const UpdateOptions& bad :
       {UpdateOptions{.ids = {"web"}}, UpdateOptions{.ids = {"web"}, .memory = "much"},
        UpdateOptions{.ids = {"web"}, .restart = "sometimes"}})
    EXPECT_EQ(Do(bad).error().code, Code::kInvalidArgument);
}

TEST_F(VerbsTest, RmRefusesWhatRunsUnlessForced) {
  EXPECT_EQ(Do(Detached("web")).value(), 0);
  Result<int> refused = Do(RmOptions{.ids = {"web"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_EQ(Answer(RmOptions{.ids = {"web"}, .force = true}), "web\n");
  EXPECT_THAT(containers().names(), IsEmpty());
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
