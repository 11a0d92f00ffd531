// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Local containers: `davit run` and its companions, as a person at the node uses them.

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/unique_fd.h"
#include "tests/client/command.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/http.h"
#include "tests/e2e/local_containers.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(LocalContainers, RunPrintsTheOutputAndEndsLikeTheProgram) {
  CommandOutcome run = TryDavit({"run", "--rm", kBusybox, "sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(run.exit_code, 7);
  EXPECT_THAT(run.output, AllOf(HasSubstr("out\n"), HasSubstr("err\n")));
  EXPECT_THAT(Davit({"ps", "-aq"}), IsEmpty());
  EXPECT_EQ(TryDavit({"run", "--rm", kBusybox, "/no/such/program"}).exit_code, 127);
  EXPECT_EQ(TryDavit({"run", "--rm", kBusybox, "/etc/passwd"}).exit_code, 126);
  EXPECT_EQ(TryDavit({"run", "--rm", "--pull", "never", "registry.test/nothing"}).exit_code, 125);
  EXPECT_THAT(Davit({"ps", "-aq"}), IsEmpty());
  EXPECT_THAT(ShimsOf(instance()), SizeIs(::testing::Le(1u))) << "the one that waits for the next pod";
}

TEST_F(LocalContainers, TheCriSeesAndTouchesNothingOfThem) {
  RunIdle("web");
  EXPECT_THAT(ListPods(), IsEmpty());
  EXPECT_THAT(ListContainers(), IsEmpty());
  for (const auto& [pod, pid] : ShimsOf(instance())) {
    v1::PodSandboxStatusRequest status;
    status.set_pod_sandbox_id(pod);
    EXPECT_EQ(cri().Ask(&RuntimeStub::PodSandboxStatus, status).status.error_code(),
              grpc::StatusCode::NOT_FOUND);
    RemovePod(pod);  // as of any pod that does not exist
  }
  EXPECT_EQ(StateOf("web"), "running");
  std::string of_cri = e2e::PodTest::RunIdle();
  EXPECT_EQ(TryDavit({"stop", of_cri}).exit_code, 1);
  EXPECT_EQ(StatusOf(of_cri).state(), v1::CONTAINER_RUNNING);
  EXPECT_THAT(Davit({"ps", "-A"}), HasSubstr(of_cri.substr(0, 12)));
  EXPECT_THAT(Davit({"exec", of_cri, "echo", "hi"}), "hi\n");
}

// As the kubelet's garbage collection would.
TEST_F(LocalContainers, TheirImagesAreSpared) {
  Davit({"create", "--name", "web", kBusybox});
  v1::ImageStatusRequest status;
  status.mutable_image()->set_image(kBusybox);
  EXPECT_TRUE(Must(cri().Ask(&ImageStub::ImageStatus, status)).image().pinned());
  v1::RemoveImageRequest remove;
  remove.mutable_image()->set_image(kBusybox);
  auto refused = cri().Ask(&ImageStub::RemoveImage, remove);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.status.error_message(), HasSubstr("web"));
  Davit({"image", "prune", "-a", "-f"});
  Davit({"start", "web"});
  Davit({"rm", "-f", "web"});
  EXPECT_FALSE(Must(cri().Ask(&ImageStub::ImageStatus, status)).image().pinned());
  Must(cri().Ask(&ImageStub::RemoveImage, remove));
}

TEST_F(LocalContainers, AStartAgainHasTheFilesAndTheLogOfTheRunBefore) {
  Davit({"run", "--name", "count", kBusybox, "sh", "-c", "echo x >>/count; wc -l </count"});
  Davit({"start", "count"});
  EXPECT_EQ(Davit({"wait", "count"}), "0\n");
  Davit({"restart", "count"});
  Davit({"wait", "count"});
  EXPECT_EQ(Davit({"logs", "count"}), "1\n2\n3\n");
  EXPECT_EQ(Davit({"logs", "--tail", "1", "count"}), "3\n");
  EXPECT_THAT(Davit({"logs", "-t", "--tail", "1", "count"}), HasSubstr("Z 3\n"));
  Davit({"rm", "count"});
  EXPECT_EQ(TryDavit({"logs", "count"}).exit_code, 1);
}

// The log is rotated every second meanwhile, and removed with the container.
TEST_F(LocalContainers, ARunInTheForegroundLosesNothingToRotations) {
  std::string expected;
  for (int round = 1; round <= 5; ++round)
    for (int line = 1; line <= 5000; ++line)
      expected += std::to_string(round) + " " + std::to_string(line) + "\n";
  EXPECT_EQ(
      RunScript(
          "for round in 1 2 3 4 5; do for line in $(seq 5000); do echo $round $line; done; sleep 1; done",
          {"--log-opt", "max-size=20k", "--log-opt", "max-file=100"}),
      expected);
}

TEST_F(LocalContainers, AreManagedByNameAndId) {
  RunIdle("web");
  std::string id = Inspect("web")["Id"].get<std::string>();
  EXPECT_THAT(Davit({"ps"}), AllOf(HasSubstr("NAMES"), HasSubstr("web"), HasSubstr("Up ")));
  EXPECT_EQ(Davit({"ps", "--format", "{{.Names}} {{.Image}}"}), std::string("web ") + kBusybox + "\n");
  EXPECT_EQ(Davit({"inspect", "-f", "{{.State.Status}}", id.substr(0, 5)}), "running\n");
  CommandOutcome taken = TryDavit({"run", "-d", "--name", "web", kBusybox});
  EXPECT_EQ(taken.exit_code, 125);
  EXPECT_THAT(taken.output, HasSubstr(id.substr(0, 12)));
  Davit({"rename", "web", "front"});
  EXPECT_EQ(TryDavit({"rm", "front"}).exit_code, 1) << "it is running";
  Davit({"stop", "-t", "5", "front"});
  EXPECT_EQ(Inspect("front")["State"]["ExitCode"], 0);
  Davit({"start", "front"});
  Davit({"kill", "-s", "KILL", "front"});
  EXPECT_EQ(Davit({"wait", "front"}), "137\n");
  Davit({"rm", "front"});
  EXPECT_THAT(Davit({"ps", "-aq"}), IsEmpty());
}

TEST_F(LocalContainers, ExecRunsCommands) {
  RunIdle("web");
  EXPECT_EQ(Davit({"exec", "web", "sh", "-c", "echo hi"}), "hi\n");
  EXPECT_EQ(TryDavit({"exec", "web", "sh", "-c", "exit 9"}).exit_code, 9);
  EXPECT_EQ(TryDavit({"exec", "web", "/no/such/program"}).exit_code, 127);
  EXPECT_EQ(TryDavit({"exec", "web", "/etc/passwd"}).exit_code, 126);
  Davit({"stop", "-t", "0", "web"});
  EXPECT_EQ(TryDavit({"exec", "web", "true"}).exit_code, 1);
}

TEST_F(LocalContainers, FlagsOfRunHaveTheirEffect) {
  std::string dir = instance().directory() + "/bind";
  std::filesystem::create_directory(dir);
  std::ofstream(dir + "/file") << "from the host\n";
  std::ofstream(dir + "/env") << "FILE=1\n";
  EXPECT_EQ(RunScript("cat /mnt/file; touch /mnt/x 2>/dev/null || echo read-only", {"-v", dir + ":/mnt:ro"}),
            "from the host\nread-only\n");
  RunScript("echo made >/mnt/made", {"--mount", "type=bind,source=" + dir + ",target=/mnt"});
  EXPECT_TRUE(std::filesystem::exists(dir + "/made"));
  EXPECT_EQ(RunScript("echo $A $FILE", {"-e", "A=b", "--env-file", dir + "/env"}), "b 1\n");
  EXPECT_EQ(RunScript("pwd; id -u; id -g; hostname", {"-w", "/tmp", "-u", "12:34", "-h", "boat"}),
            "/tmp\n12\n34\nboat\n");
  EXPECT_EQ(RunScript("touch /x 2>/dev/null || echo read-only", {"--read-only"}), "read-only\n");
  EXPECT_EQ(RunScript("grep CapEff /proc/self/status", {"--cap-drop", "ALL", "--cap-add", "CHOWN"}),
            "CapEff:\t0000000000000001\n");
  EXPECT_EQ(RunScript("ls /sys/class/net", {"--network", "none"}), "lo\n");
  EXPECT_THAT(RunScript("ls /sys/class/net", {"--network", "host"}), HasSubstr(instance().bridge()));
  EXPECT_EQ(Davit({"run", "--rm", "--entrypoint", "echo", kBusybox, "hi"}), "hi\n");
}

TEST_F(LocalContainers, FlagsOfRunChangeTheConfinement) {
  EXPECT_EQ(RunScript("cat /proc/sys/net/core/somaxconn", {"--sysctl", "net.core.somaxconn=77"}), "77\n");
  EXPECT_EQ(RunScript("cat /etc/resolv.conf",
                      {"--dns", "192.0.2.1", "--dns-search", "example.test", "--dns-option", "ndots:2"}),
            "search example.test\nnameserver 192.0.2.1\noptions ndots:2\n");
  EXPECT_EQ(RunScript("test -c /dev/other; echo $?; echo x 2>/dev/null >/dev/other || echo refused",
                      {"--device", "/dev/kmsg:/dev/other:r"}),
            "0\nrefused\n");
  EXPECT_EQ(RunScript("grep NoNewPrivs /proc/self/status", {"--security-opt", "no-new-privileges"}),
            "NoNewPrivs:\t1\n");
  EXPECT_EQ(RunScript("grep Seccomp: /proc/self/status", {"--security-opt", "seccomp=unconfined"}),
            "Seccomp:\t0\n");
  EXPECT_THAT(RunScript("id -G", {"--group-add", "77"}), HasSubstr("77"));
  for (const char* name : {"pid", "ipc"}) {
    std::string link = std::string("/proc/self/ns/") + name;
    EXPECT_EQ(RunScript("readlink " + link, {std::string("--") + name, "host"}),
              std::filesystem::read_symlink(link).string() + "\n");
  }
  Davit({"run", "-d", "--name", "asked", "--stop-signal", "USR1", kBusybox, "sh", "-c",
         "trap 'exit 4' USR1; while :; do sleep 0.1; done"});
  Davit({"run", "-d", "--name", "killed", "--stop-timeout", "0", kBusybox, "sleep", "1000"});
  Davit({"stop", "asked", "killed"});
  EXPECT_EQ(Inspect("asked")["State"]["ExitCode"], 4);
  EXPECT_EQ(Inspect("killed")["State"]["ExitCode"], 137);
}

TEST_F(LocalContainers, TheKubeletsCanBeLookedAt) {
  RunIdle("web");
  Davit({"exec", "web", "true"});
  std::string of_cri = e2e::PodTest::RunIdle();
  for (const std::string& name : {std::string("web"), of_cri}) {
    json document = Inspect(name);
    std::string pid = std::to_string(document["State"]["Pid"].get<int>());
    EXPECT_EQ(document["State"]["Status"], "running");
    EXPECT_THAT(Davit({"top", name}), AllOf(HasSubstr("UID"), HasSubstr(pid)));
    json row = json::parse(Davit({"stats", "--no-stream", "--format", "json", name}));
    EXPECT_THAT(row["PIDs"].get<std::string>(), AnyOf("1", "2")) << "the sleep of a shell comes and goes";
    EXPECT_THAT(row["MemUsage"].get<std::string>(), HasSubstr("iB / "));
  }
  EXPECT_THAT(Davit({"stats", "--no-stream", "--format", "{{.Name}}"}), "web\n");
}

TEST_F(LocalContainers, LimitsAreThoseOfTheirCgroups) {
  RunIdle("web", {"-m", "64m", "--cpus", "0.5", "--pids-limit", "50"});
  std::set<std::string> values;
  for (const std::string& cgroup : PodCgroupsOf(instance())) {
    for (const char* file : {"/memory.max", "/memory.limit_in_bytes", "/pids.max"}) {
      std::string text;
      std::ifstream(cgroup + file) >> text;
      values.insert(text);
    }
  }
  EXPECT_THAT(values, AllOf(Contains("67108864"), Contains("50")));
}

TEST_F(LocalContainers, APublishedPortLeadsInAndItsHolderIsNamed) {
  UniqueFd holder(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(holder.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(holder.get(), 1), 0);
  getsockname(holder.get(), reinterpret_cast<sockaddr*>(&address), &length);
  uint16_t port = ntohs(address.sin_port);
  std::string mapping = std::to_string(port) + ":80";

  CommandOutcome taken = TryDavit({"run", "-d", "--name", "web", "-p", mapping, kWebServer});
  EXPECT_EQ(taken.exit_code, 125);
  EXPECT_THAT(taken.output, AllOf(HasSubstr("e2e_test"), HasSubstr(std::to_string(getpid()))));
  holder.Reset();
  Davit({"start", "web"});
  WaitUntil("the web server answers",
            [&] { return HttpGet("127.0.0.1", port).find("Welcome to nginx!") != std::string::npos; });
  CommandOutcome second = TryDavit({"run", "-d", "--name", "other", "-p", mapping, kWebServer});
  EXPECT_THAT(second.output, HasSubstr("container web"));
  Davit({"stop", "web"});
  Davit({"start", "other"});
}

TEST_F(LocalContainers, LiveThroughTheDeathOfTheDaemon) {
  RunIdle("web");
  RunIdle("again", {"--restart", "on-failure"});
  Davit({"run", "-d", "--name", "ends", kBusybox, "sh", "-c", "sleep 1; exit 5"});
  int pid = Inspect("web")["State"]["Pid"].get<int>();
  int failing = Inspect("again")["State"]["Pid"].get<int>();
  instance().Kill();
  kill(failing, SIGKILL);
  WaitUntil("the short one has ended", [] { return ProcessesWith("sleep 1; exit 5").empty(); });
  instance().Restart();
  Reconnect();
  EXPECT_EQ(Inspect("web")["State"]["Pid"], pid);
  EXPECT_THAT(ListPods(), IsEmpty());
  WaitUntil("the end is known", [&] { return StateOf("ends") == "exited"; });
  EXPECT_EQ(Inspect("ends")["State"]["ExitCode"], 5);
  WaitUntil("the policy has started the failed one", [&] {
    json again = Inspect("again");
    return again["State"]["Status"] == "running" && again["RestartCount"] == 1;
  });
  EXPECT_THAT(Davit({"exec", "web", "echo", "hi"}), "hi\n");
  Davit({"stop", "web"});
  EXPECT_EQ(StateOf("web"), "exited");
}

// As after a reboot: no shim lives any more.
TEST_F(LocalContainers, ComeBackWhenTheirShimsAreGone) {
  RunIdle("always", {"--restart", "always"});
  RunIdle("once");
  Davit({"exec", "always", "sh", "-c", "echo kept >/kept"});
  instance().Kill();
  for (const auto& [pod, pid] : ShimsOf(instance())) kill(pid, SIGKILL);
  instance().Restart();
  Reconnect();
  WaitUntil("it runs again", [&] { return StateOf("always") == "running"; });
  EXPECT_EQ(Davit({"exec", "always", "cat", "/kept"}), "kept\n");
  WaitUntil("the other one has ended", [&] { return StateOf("once") == "exited"; });
  EXPECT_EQ(Inspect("once")["State"]["ExitCode"], 255);
}

TEST_F(LocalContainers, ARestartPolicyKeepsTryingUntilItGivesUp) {
  Davit({"run", "-d", "--name", "fails", "--restart", "on-failure:2", kBusybox, "sh", "-c", "exit 3"});
  WaitUntil("it has given up", [&] {
    json fails = Inspect("fails");
    return fails["State"]["Status"] == "exited" && fails["RestartCount"] == 2;
  });
  EXPECT_EQ(Inspect("fails")["State"]["ExitCode"], 3);
}

TEST_F(LocalContainers, BadInputIsExplained) {
  struct Case {
    std::vector<std::string> words;
    const char* text;
  };
  for (const auto& [words, text] :
       {Case{{"run", "--nmae", "x", kBusybox}, "did you mean --name?"},
        Case{{"run", "-it", kBusybox}, "is not a terminal"},
        Case{{"run", "--init", kBusybox}, "not supported yet"},
        Case{{"run", "--pid", "container:web", kBusybox}, "host or private"},
        Case{{"run", "--rm", "--sysctl", "kernel.hostname=x", kBusybox}, "kernel.hostname"},
        Case{{"run", "--rm", "--security-opt", "seccomp=/no/such/file", kBusybox}, "/no/such/file"},
        Case{{"run", "--rm", "--device", "/dev/nothing", kBusybox}, "/dev/nothing"},
        Case{{"run", "-v", "data", kBusybox}, "HOST_PATH:CONTAINER_PATH"},
        Case{{"run", "-p", "x:80", kBusybox}, "[HOST_PORT[-LAST]]:]CONTAINER_PORT"},
        Case{{"run", "--mount", "type=bind,source=/no/such/dir,target=/x", kBusybox}, "/no/such/dir"},
        Case{{"run", "--name", "-bad-", kBusybox}, "begins with a letter or digit"},
        Case{{"run", "-m", "1", kBusybox}, "memory"}}) {
    CommandOutcome outcome = TryDavit(words);
    EXPECT_EQ(outcome.exit_code, 125) << text;
    EXPECT_THAT(outcome.output, HasSubstr(text));
  }
  EXPECT_THAT(Davit({"ps", "-aq"}), IsEmpty());
}

}  // namespace
}  // namespace davit::e2e
