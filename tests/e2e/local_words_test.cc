// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The words of docker's users: filters, templates, ports that the daemon chooses, limits, completion.
#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/client/command.h"
#include "tests/e2e/http.h"
#include "tests/e2e/local_containers.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class LocalWords : public LocalContainers {
 protected:
  // The names of the containers that satisfy the filters.
  std::string Ps(std::vector<std::string> filters) {
    std::vector<std::string> words = {"ps", "-a", "--format", "{{.Names}}"};
    for (std::string& filter : filters) words.insert(words.end(), {"-f", std::move(filter)});
    return Davit(words);
  }
};

TEST_F(LocalWords, PsFiltersWhatItShows) {
  RunIdle("web", {"--label", "tier=front", "-v", "/cache", "-p", "127.0.0.1::80"});
  EXPECT_EQ(TryDavit({"run", "--name", "job", kBusybox, "sh", "-c", "exit 3"}).exit_code, 3);
  for (const char* web : {"status=running", "name=^web$", "label=tier=front", "volume=/cache", "expose=80"})
    EXPECT_EQ(Ps({web}), "web\n") << web;
  EXPECT_EQ(Ps({"since=job"}), "");
  for (const char* job : {"status=exited", "exited=3", "since=web"}) EXPECT_EQ(Ps({job}), "job\n") << job;
  EXPECT_EQ(Ps({"before=job"}), "web\n");
  EXPECT_EQ(Ps({std::string("ancestor=") + kBusybox}), "job\nweb\n");
  EXPECT_EQ(Ps({std::string("ancestor=") + kBusybox, "status=exited"}), "job\n");
  EXPECT_EQ(Davit({"ps", "-l", "--format", "{{.Names}}"}), "job\n");
  EXPECT_THAT(Davit({"ps", "--format", "table {{.Names}}\\t{{.Networks}}"}),
              StartsWith("NAMES   NETWORKS\nweb     bridge"));
  EXPECT_THAT(TryDavit({"ps", "-f", "nmae=x"}).output, HasSubstr("did you mean name?"));
}

// An image that is made of another one is found by that.
TEST_F(LocalWords, PsFindsTheContainersOfTheDescendantsOfAnImage) {
  Davit({"create", "--name", "base", kBusybox, "true"});
  Davit({"commit", "base", "local.test/child:v1"});
  Davit({"create", "--name", "child", "local.test/child:v1"});
  EXPECT_EQ(Ps({std::string("ancestor=") + kBusybox}), "child\nbase\n");
  EXPECT_EQ(Ps({"ancestor=local.test/child:v1"}), "child\n");
  Davit({"rm", "child", "base"});
  Davit({"rmi", "local.test/child:v1"});
}

TEST_F(LocalWords, PsMeasuresWhatContainersHaveWritten) {
  Davit({"run", "--name", "writes", kBusybox, "dd", "if=/dev/zero", "of=/file", "bs=1M", "count=3"});
  WaitUntil("it is measured",
            [&] { return Davit({"ps", "-a", "-s", "--format", "{{.Size}}"}).starts_with("3.1"); });
  EXPECT_THAT(Davit({"ps", "-a", "--size"}), AllOf(HasSubstr("SIZE"), HasSubstr("MB (virtual ")));
}

TEST_F(LocalWords, PublishAllLeadsFreePortsToThoseOfTheImage) {
  Davit({"pull", "--quiet", kWebServer});
  Davit({"run", "-d", "--name", "web", "-P", kWebServer});
  std::string end = Davit({"port", "web", "80"});
  ASSERT_THAT(end, MatchesRegex("0\\.0\\.0\\.0:[0-9]+\n\\[::\\]:[0-9]+\n"));
  auto port = static_cast<uint16_t>(std::stoi(end.substr(end.find(':') + 1)));
  EXPECT_GE(port, 1024);
  auto answers = [&] {
    WaitUntil("the web server answers",
              [&] { return HttpGet("127.0.0.1", port).find("Welcome to nginx!") != std::string::npos; });
  };
  answers();
  Davit({"restart", "-t", "0", "web"});
  EXPECT_EQ(Davit({"port", "web", "80"}), end) << "it keeps the port";
  answers();
  Davit({"run", "-d", "--name", "second", "-p", "80", kWebServer});
  EXPECT_NE(Davit({"port", "second", "80/tcp"}), end);
  EXPECT_EQ(TryDavit({"port", "web", "81"}).exit_code, 1);
}

TEST_F(LocalWords, RangesOfPorts) {
  Davit({"run", "-d", "--name", "one", "-p", "127.0.0.1:47100-47110:80", kBusybox, "sleep", "1000"});
  Davit({"run", "-d", "--name", "two", "-p", "127.0.0.1:47100-47110:80", kBusybox, "sleep", "1000"});
  EXPECT_EQ(Davit({"port", "one"}), "80/tcp -> 127.0.0.1:47100\n");
  EXPECT_EQ(Davit({"port", "two"}), "80/tcp -> 127.0.0.1:47101\n");
  Davit({"create", "--name", "three", "-p", "127.0.0.1:47200-47201:90-91/udp", kBusybox});
  EXPECT_EQ(
      Davit({"inspect", "-f",
             "{{range $p, $ends := .HostConfig.PortBindings}}{{$p}}={{(index $ends 0).HostPort}} {{end}}",
             "three"}),
      "90/udp=47200 91/udp=47201 \n");
}

TEST_F(LocalWords, LimitsAndSharedMemoryAreTheContainersOwn) {
  EXPECT_EQ(
      RunScript("ulimit -n; ulimit -Hn; ulimit -c", {"--ulimit", "nofile=64:128", "--ulimit", "core=0"}),
      "64\n128\n0\n");
  EXPECT_EQ(RunScript("df -k /dev/shm | tail -1 | awk '{print $2}'", {"--shm-size", "1m"}), "1024\n");
  EXPECT_EQ(RunScript("df -k /dev/shm | tail -1 | awk '{print $2}'"), "65536\n");
  RunIdle("web", {"--ulimit", "nofile=64"});
  EXPECT_EQ(Davit({"exec", "web", "sh", "-c", "ulimit -n"}), "64\n") << "also of a command in it";
  EXPECT_EQ(
      Davit({"inspect", "-f", "{{range .HostConfig.Ulimits}}{{.Name}}={{.Soft}}:{{.Hard}}{{end}}", "web"}),
      "nofile=64:64\n");
  EXPECT_THAT(TryDavit({"run", "--rm", "--ulimit", "nofiles=1", kBusybox}).output, HasSubstr("nofiles=1"));
  EXPECT_THAT(TryDavit({"run", "--rm", "--shm-size", "1", kBusybox}).output, HasSubstr("shm_bytes"));
}

TEST_F(LocalWords, UsersAndGroupsHaveTheNamesOfTheImage) {
  EXPECT_EQ(RunScript("id -u; id -g", {"-u", "1000:www-data"}), "1000\n33\n");
  EXPECT_EQ(RunScript("id -G", {"-u", "1000:7", "--group-add", "www-data", "--group-add", "9"}), "7 9 33\n");
  CommandOutcome unknown = TryDavit({"run", "--rm", "--group-add", "nobody-here", kBusybox, "true"});
  EXPECT_EQ(unknown.exit_code, 125) << unknown.output;
  EXPECT_THAT(unknown.output, HasSubstr("no such group in the container's /etc/group"));
  RunIdle("web", {"--group-add", "www-data"});
  EXPECT_THAT(Davit({"exec", "web", "id", "-G"}), HasSubstr("33")) << "also of a command in it";
}

TEST_F(LocalWords, LogsHaveAnEnd) {
  Davit({"run", "--name", "job", kBusybox, "sh", "-c", "echo one; sleep 1.2; echo two"});
  std::string stamped = Davit({"logs", "-t", "job"});
  std::string between = stamped.substr(0, stamped.find(' '));
  EXPECT_EQ(Davit({"logs", "--until", between, "job"}), "one\n");
  EXPECT_EQ(Davit({"logs", "--until", "1h", "job"}), "");
  EXPECT_EQ(Davit({"logs", "--since", between, "--until", between, "job"}), "one\n");
  RunIdle("web");
  EXPECT_EQ(Davit({"logs", "-f", "--until", "1s", "web"}), "") << "that time has passed";
  EXPECT_THAT(TryDavit({"logs", "--details", "web"}).output, HasSubstr("not supported"));
}

TEST_F(LocalWords, TemplatesLookIntoDocuments) {
  RunIdle("web", {"--label", "com.example.a=1", "-v", "/cache"});
  auto inspect = [this](const std::string& format) { return Davit({"inspect", "-f", format, "web"}); };
  EXPECT_EQ(inspect("{{index .Config.Labels \"com.example.a\"}} {{if .State.Running}}up{{end}}"), "1 up\n");
  EXPECT_EQ(inspect("{{range .Mounts}}{{.Destination}} {{.RW}}{{end}}"), "/cache true\n");
  EXPECT_THAT(inspect("{{range $n, $net := .NetworkSettings.Networks}}{{$n}} {{$net.IPAddress}}{{end}}"),
              MatchesRegex("bridge [0-9.]+\n"));
  EXPECT_EQ(Davit({"inspect", "-f", "{{.Os}}", kBusybox}), "linux\n") << "an image";
  CommandOutcome wrong = TryDavit({"inspect", "-f", "{{.Config.Lables}}", "web"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.output, AllOf(HasSubstr("at character 3"), HasSubstr(".Labels")));
  EXPECT_EQ(Davit({"info", "-f", "{{.ContainersRunning}}"}), "1\n");
}

TEST_F(LocalWords, ImagesAreFiltered) {
  EXPECT_EQ(Davit({"images", "-q", "-f", "dangling=true"}), "");
  EXPECT_EQ(Davit({"images", "--format", "{{.Repository}}:{{.Tag}}", "registry.test/davit/busybox"}),
            std::string(kBusybox) + "\n");
  EXPECT_EQ(Davit({"images", "--format", "{{.Tag}}", "nothing"}), "");
  EXPECT_EQ(TryDavit({"rmi", "registry.test/nothing"}).exit_code, 1);
  EXPECT_EQ(TryDavit({"rmi", "-f", "registry.test/nothing"}).exit_code, 0);
}

// What a shell prints that has read its script, with davit first in its path.
class LocalCompletion : public LocalWords {
 protected:
  void SetUp() override {
    LocalWords::SetUp();
    RunIdle("website");
    Davit({"volume", "create", "datadir"});
  }
  void TearDown() override {
    Davit({"rm", "-f", "website"});
    Davit({"volume", "rm", "datadir"});
    LocalWords::TearDown();
  }
  std::string Shell(const std::vector<std::string>& shell, const std::string& program,
                    const std::string& line) {
    std::vector<std::string> words = {"/usr/bin/env", "DAVIT_ADDRESS=unix://" + instance().socket(),
                                      "PATH=" DAVIT_BUILD_BIN_DIR ":/usr/bin:/bin"};
    words.insert(words.end(), shell.begin(), shell.end());
    words.insert(words.end(), {program, line});
    return client::Run(words).output;
  }
};

// As bash calls the function when a person presses Tab.
TEST_F(LocalCompletion, BashCompletes) {
  auto complete = [this](const std::string& line) {
    return Shell({"bash", "-c"},
                 "source <(davit completion bash); COMP_LINE=$0; COMP_POINT=${#COMP_LINE}; _davit; "
                 "printf '%s\\n' \"${COMPREPLY[@]}\"",
                 line);
  };
  EXPECT_EQ(complete("davit renam"), "rename\n");
  EXPECT_EQ(complete("davit stop web"), "website\n");
  EXPECT_EQ(complete("davit volume rm "), "datadir\n");
  EXPECT_EQ(complete("davit run --pull="), "always\nmissing\nnever\n");
  EXPECT_EQ(complete("davit run --pull=m"), "missing\n");
  EXPECT_EQ(complete("davit rmi registry.test/davit/busybox:l"), "latest\n") << "bash splits at the colon";
  EXPECT_EQ(complete("davit run --volumes-from web"), "website\n");
}

TEST_F(LocalCompletion, FishCompletes) {
  if (access("/usr/bin/fish", X_OK) != 0) GTEST_SKIP() << "fish is not installed";
  auto complete = [this](const std::string& line) {
    return Shell({"fish", "--no-config", "-c"}, "davit completion fish | source; complete -C $argv[1]", line);
  };
  EXPECT_EQ(complete("davit renam"), "rename\tGive a container another name\n");
  EXPECT_EQ(complete("davit stop web"), "website\n");
  EXPECT_EQ(complete("davit run --pull=m"), "--pull=missing\n");
}

// With its own functions replaced by some that print what they get.
TEST_F(LocalCompletion, ZshCompletes) {
  if (access("/usr/bin/zsh", X_OK) != 0) GTEST_SKIP() << "zsh is not installed";
  auto complete = [this](const std::string& line) {
    return Shell({"zsh", "-f", "-c"},
                 "compdef() {}; _describe() { shift; print -rl -- ${(P)1} }; _files() { print files }; "
                 "source <(davit completion zsh); words=(${(s: :)0}); CURRENT=${#words}; _davit",
                 line);
  };
  EXPECT_EQ(complete("davit renam"), "rename:Give a container another name\n");
  EXPECT_EQ(complete("davit stop web"), "website\n");
  EXPECT_EQ(complete("davit rmi registry.test/davit/busybox:l"), "registry.test/davit/busybox\\:latest\n");
  EXPECT_EQ(complete("davit load -i x"), "files\n");
}

}  // namespace
}  // namespace davit::e2e
