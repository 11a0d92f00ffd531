// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace davit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::expected<CommandLine, EarlyExit> Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "davit");
  return ParseCommandLine(static_cast<int>(words.size()), words.data());
}

template <typename Options>
Options ParseAs(const std::vector<const char*>& words) {
  return std::get<Options>(Parse(words).value().verb);
}

TEST(CommandLineTest, LeavesEverythingAfterTheImageAlone) {
  auto run = ParseAs<RunOptions>({"run", "--rm", "-p", "80:80", "-p", "81:81", "-e", "A=b", "--name", "web",
                                  "busybox", "sh", "-c", "ps -a", "--", "-d", "--rm", "logs"});
  EXPECT_EQ(run.image, "busybox");
  EXPECT_EQ(run.name, "web");
  EXPECT_TRUE(run.remove);
  EXPECT_FALSE(run.detach);
  EXPECT_THAT(run.ports, ElementsAre("80:80", "81:81"));
  EXPECT_THAT(run.env, ElementsAre("A=b"));
  EXPECT_THAT(run.command, ElementsAre("sh", "-c", "ps -a", "--", "-d", "--rm", "logs"));
}

TEST(CommandLineTest, TakesPathsAndPipesOfCopies) {
  auto copy = ParseAs<CpOptions>({"cp", "-aLq", "web:/etc", "-"});
  EXPECT_EQ(copy.source, "web:/etc");
  EXPECT_EQ(copy.destination, "-");
  EXPECT_TRUE(copy.archive && copy.follow_link && copy.quiet);
  EXPECT_EQ(ParseAs<CpOptions>({"container", "cp", "-", "web:/etc"}).source, "-");
  auto commit =
      ParseAs<CommitOptions>({"commit", "-m", "why", "-c", "CMD a", "--change", "ENV b=c", "web", "new:v1"});
  EXPECT_EQ(commit.id, "web");
  EXPECT_EQ(commit.name, "new:v1");
  EXPECT_THAT(commit.changes, ElementsAre("CMD a", "ENV b=c"));
  EXPECT_THAT(Parse({"commit", "-p", "web"}).error().text, HasSubstr("stop the container"));
  EXPECT_EQ(ParseAs<ImportOptions>({"image", "import", "-", "name"}).file, "-");
  EXPECT_EQ(ParseAs<ExportOptions>({"export", "-o", "f.tar", "web"}).file, "f.tar");
}

TEST(CommandLineTest, TakesAnImageThatIsCalledLikeAVerb) {
  EXPECT_EQ(ParseAs<RunOptions>({"run", "ps"}).image, "ps");
  EXPECT_EQ(ParseAs<LogsOptions>({"logs", "-f", "images"}).id, "images");
}

TEST(CommandLineTest, LeavesTheCommandOfExecAlone) {
  auto exec = ParseAs<ExecOptions>({"exec", "web", "ps", "-a"});
  EXPECT_EQ(exec.id, "web");
  EXPECT_THAT(exec.command, ElementsAre("ps", "-a"));
  EXPECT_THAT(ParseAs<ExecOptions>({"exec", "web", "--", "ls"}).command, ElementsAre("--", "ls"));
}

TEST(CommandLineTest, TakesCommonOptionsBeforeAndAfterTheVerb) {
  EXPECT_EQ(Parse({"--output", "json", "ps"})->format, OutputFormat::kJson);
  EXPECT_EQ(Parse({"ps", "--output", "json"})->format, OutputFormat::kJson);
  EXPECT_EQ(Parse({"ps"})->format, OutputFormat::kTable);
  EXPECT_EQ(Parse({"--address", "unix:///a", "ps"})->address, "unix:///a");
  EXPECT_EQ(Parse({"ps", "--address=unix:///a"})->address, "unix:///a");
}

TEST(CommandLineTest, TakesDefaultsFromTheEnvironment) {
  setenv("DAVIT_ADDRESS", "unix:///env", 1);
  auto line = Parse({"ps"});
  auto explicit_line = Parse({"ps", "--address", "unix:///a"});
  unsetenv("DAVIT_ADDRESS");
  EXPECT_EQ(line->address, "unix:///env");
  EXPECT_EQ(explicit_line->address, "unix:///a");
}

TEST(CommandLineTest, StopTakesSeveralIdsAndATime) {
  auto stop = ParseAs<StopOptions>({"stop", "-t", "3", "a", "b"});
  EXPECT_EQ(stop.grace_seconds, 3);
  EXPECT_THAT(stop.ids, ElementsAre("a", "b"));
  EXPECT_EQ(ParseAs<StopOptions>({"stop", "a"}).grace_seconds, std::nullopt);
}

TEST(CommandLineTest, TakesTheFlagsOfRun) {
  auto run = ParseAs<RunOptions>(
      {"run",        "-d",     "-v",           "/a:/b",       "--mount",   "type=bind,source=/a,target=/b",
       "-w",         "/tmp",   "-u",           "1:2",         "-h",        "host",
       "-l",         "k=v",    "--env-file",   "f",           "-m",        "64m",
       "--cpus",     "1.5",    "--pids-limit", "9",           "--cap-add", "NET_ADMIN",
       "--cap-drop", "ALL",    "--privileged", "--read-only", "--network", "host",
       "--restart",  "always", "--pull",       "never",       "-q",        "--entrypoint",
       "",           "busybox"});
  EXPECT_THAT(run.volumes, ElementsAre("/a:/b"));
  EXPECT_THAT(run.mounts, ElementsAre("type=bind,source=/a,target=/b"));
  EXPECT_EQ(run.working_dir, "/tmp");
  EXPECT_EQ(run.user, "1:2");
  EXPECT_EQ(run.hostname, "host");
  EXPECT_THAT(run.labels, ElementsAre("k=v"));
  EXPECT_THAT(run.env_files, ElementsAre("f"));
  EXPECT_EQ(run.memory, "64m");
  EXPECT_EQ(run.cpus, "1.5");
  EXPECT_EQ(run.pids_limit, 9);
  EXPECT_THAT(run.cap_add, ElementsAre("NET_ADMIN"));
  EXPECT_THAT(run.cap_drop, ElementsAre("ALL"));
  EXPECT_TRUE(run.detach && run.privileged && run.read_only && run.quiet && run.has_entrypoint);
  EXPECT_EQ(run.entrypoint, "");
  EXPECT_EQ(run.network, "host");
  EXPECT_EQ(run.restart, "always");
  EXPECT_EQ(run.pull, "never");
  EXPECT_FALSE(ParseAs<RunOptions>({"run", "busybox"}).has_entrypoint);
}

TEST(CommandLineTest, TakesTheFlagsOfRunThatChangeItsConfinement) {
  auto run = ParseAs<RunOptions>({"run",
                                  "--memory-swap",
                                  "-1",
                                  "--cpuset-cpus",
                                  "0-3",
                                  "--group-add",
                                  "7",
                                  "--dns",
                                  "192.0.2.1",
                                  "--dns-search",
                                  "example.test",
                                  "--dns-option",
                                  "ndots:2",
                                  "--sysctl",
                                  "net.core.somaxconn=9",
                                  "--device",
                                  "/dev/fuse",
                                  "--security-opt",
                                  "no-new-privileges",
                                  "--pid",
                                  "host",
                                  "--ipc=host",
                                  "--stop-signal",
                                  "INT",
                                  "--stop-timeout",
                                  "3",
                                  "--cidfile",
                                  "id",
                                  "--health-cmd=test -f /up",
                                  "--health-retries=4",
                                  "--no-healthcheck",
                                  "busybox"});
  EXPECT_EQ(run.memory_swap, "-1");
  EXPECT_EQ(run.cpuset_cpus, "0-3");
  EXPECT_THAT(run.groups, ElementsAre("7"));
  EXPECT_THAT(run.dns, ElementsAre("192.0.2.1"));
  EXPECT_THAT(run.dns_searches, ElementsAre("example.test"));
  EXPECT_THAT(run.dns_options, ElementsAre("ndots:2"));
  EXPECT_THAT(run.sysctls, ElementsAre("net.core.somaxconn=9"));
  EXPECT_THAT(run.devices, ElementsAre("/dev/fuse"));
  EXPECT_THAT(run.security, ElementsAre("no-new-privileges"));
  EXPECT_EQ(run.pid, "host");
  EXPECT_EQ(run.ipc, "host");
  EXPECT_EQ(run.stop_signal, "INT");
  EXPECT_EQ(run.stop_timeout, 3);
  EXPECT_EQ(run.id_file, "id");
  EXPECT_EQ(run.health.command, "test -f /up");
  EXPECT_EQ(run.health.retries, 4u);
  EXPECT_TRUE(run.health.none);
}

// The list of docker run's reference. Each is there, or is refused by its name.
TEST(CommandLineTest, EveryFlagOfDockersRunIsKnown) {
  for (const char* flag : {"--add-host",
                           "--annotation",
                           "--attach",
                           "--blkio-weight",
                           "--cap-add",
                           "--cap-drop",
                           "--cgroup-parent",
                           "--cgroupns",
                           "--cidfile",
                           "--cpu-period",
                           "--cpu-quota",
                           "--cpu-shares",
                           "--cpus",
                           "--cpuset-cpus",
                           "--cpuset-mems",
                           "--detach",
                           "--detach-keys",
                           "--device",
                           "--device-cgroup-rule",
                           "--dns",
                           "--dns-option",
                           "--dns-search",
                           "--domainname",
                           "--entrypoint",
                           "--env",
                           "--env-file",
                           "--expose",
                           "--gpus",
                           "--group-add",
                           "--health-cmd",
                           "--health-interval",
                           "--health-retries",
                           "--health-start-interval",
                           "--health-start-period",
                           "--health-timeout",
                           "--hostname",
                           "--init",
                           "--interactive",
                           "--ip",
                           "--ip6",
                           "--ipc",
                           "--label",
                           "--label-file",
                           "--link",
                           "--log-driver",
                           "--mac-address",
                           "--memory",
                           "--memory-reservation",
                           "--memory-swap",
                           "--memory-swappiness",
                           "--mount",
                           "--name",
                           "--network",
                           "--network-alias",
                           "--no-healthcheck",
                           "--oom-kill-disable",
                           "--oom-score-adj",
                           "--pid",
                           "--pids-limit",
                           "--platform",
                           "--privileged",
                           "--publish",
                           "--publish-all",
                           "--pull",
                           "--quiet",
                           "--read-only",
                           "--restart",
                           "--rm",
                           "--runtime",
                           "--security-opt",
                           "--shm-size",
                           "--sig-proxy",
                           "--stop-signal",
                           "--stop-timeout",
                           "--storage-opt",
                           "--sysctl",
                           "--tmpfs",
                           "--tty",
                           "--ulimit",
                           "--user",
                           "--userns",
                           "--uts",
                           "--volume",
                           "--volume-driver",
                           "--volumes-from",
                           "--workdir"}) {
    auto line = Parse({"run", flag});
    ASSERT_FALSE(line) << flag;  // it lacks its value, or the image
    EXPECT_THAT(line.error().text, Not(HasSubstr("unknown flag"))) << flag;
  }
}

TEST(CommandLineTest, VolumeVerbsAreDockers) {
  auto create = ParseAs<VolumeCreateOptions>({"volume", "create", "--label", "a=b", "data"});
  EXPECT_EQ(create.name, "data");
  EXPECT_THAT(create.labels, ElementsAre("a=b"));
  EXPECT_EQ(ParseAs<VolumeCreateOptions>({"volume", "create"}).name, "");
  auto list =
      ParseAs<VolumeListOptions>({"volume", "ls", "-q", "-f", "dangling=true", "--format", "{{.Name}}"});
  EXPECT_TRUE(list.quiet);
  EXPECT_THAT(list.filters, ElementsAre("dangling=true"));
  EXPECT_EQ(list.format, "{{.Name}}");
  EXPECT_THAT(ParseAs<VolumeInspectOptions>({"volume", "inspect", "a", "b"}).names, ElementsAre("a", "b"));
  EXPECT_TRUE(ParseAs<VolumeRemoveOptions>({"volume", "rm", "-f", "a"}).force);
  EXPECT_TRUE(ParseAs<VolumePruneOptions>({"volume", "prune", "-a", "-f"}).all);
  EXPECT_TRUE(ParseAs<RmOptions>({"rm", "-v", "a"}).volumes);
  EXPECT_FALSE(Parse({"volume", "create", "-o", "type=nfs", "a"}));
}

TEST(CommandLineTest, PruneIsDockers) {
  auto all = ParseAs<SystemPruneOptions>({"system", "prune", "-a", "--volumes", "-f"});
  EXPECT_TRUE(all.all && all.volumes && all.force);
  auto plain = ParseAs<SystemPruneOptions>({"system", "prune"});
  EXPECT_FALSE(plain.all || plain.volumes || plain.force);
  EXPECT_TRUE(ParseAs<ContainerPruneOptions>({"container", "prune", "-f"}).force);
}

TEST(CommandLineTest, LongFormsAreTheSameVerbs) {
  EXPECT_EQ(ParseAs<RunOptions>({"container", "run", "--name", "web", "nginx", "-g"}).name, "web");
  EXPECT_THAT(ParseAs<RunOptions>({"container", "run", "nginx", "-g"}).command, ElementsAre("-g"));
  EXPECT_TRUE(ParseAs<PsOptions>({"container", "ls", "-a"}).all);
  EXPECT_TRUE(ParseAs<PsOptions>({"container", "ps", "-q"}).quiet);
  EXPECT_THAT(ParseAs<RmOptions>({"container", "rm", "a", "b"}).ids, ElementsAre("a", "b"));
  EXPECT_EQ(ParseAs<CreateOptions>({"container", "create", "nginx"}).run.image, "nginx");
}

TEST(CommandLineTest, TakesTheVerbsOfContainers) {
  EXPECT_THAT(ParseAs<StartOptions>({"start", "a", "b"}).ids, ElementsAre("a", "b"));
  EXPECT_EQ(ParseAs<RestartOptions>({"restart", "-t", "3", "a"}).grace_seconds, 3);
  EXPECT_EQ(ParseAs<KillOptions>({"kill", "-s", "HUP", "a"}).signal, "HUP");
  EXPECT_EQ(ParseAs<KillOptions>({"kill", "a"}).signal, "KILL");
  EXPECT_EQ(ParseAs<RenameOptions>({"rename", "a", "b"}).name, "b");
  EXPECT_THAT(ParseAs<WaitOptions>({"wait", "a"}).ids, ElementsAre("a"));
  EXPECT_EQ(ParseAs<InspectOptions>({"inspect", "-f", "{{.Id}}", "a"}).format, "{{.Id}}");
  auto logs = ParseAs<LogsOptions>({"logs", "-f", "-t", "--tail", "5", "--since", "10m", "web"});
  EXPECT_TRUE(logs.follow && logs.timestamps);
  EXPECT_EQ(logs.tail, "5");
  EXPECT_EQ(logs.since, "10m");
  EXPECT_TRUE(ParseAs<PsOptions>({"ps", "-A", "--no-trunc"}).kubelets);
  EXPECT_EQ(ParseAs<TopOptions>({"top", "web"}).id, "web");
  auto stats = ParseAs<StatsOptions>({"stats", "--no-stream", "-A", "--no-trunc", "--format", "json", "a"});
  EXPECT_TRUE(stats.once && stats.kubelets && stats.no_trunc);
  EXPECT_EQ(stats.format, "json");
  EXPECT_THAT(stats.ids, ElementsAre("a"));
  EXPECT_THAT(ParseAs<StatsOptions>({"container", "stats"}).ids, IsEmpty());
}

TEST(CommandLineTest, TakesTerminals) {
  auto exec = ParseAs<ExecOptions>({"exec", "-it", "--detach-keys", "ctrl-x", "web", "sh", "-i"});
  EXPECT_TRUE(exec.interactive && exec.tty);
  EXPECT_EQ(exec.detach_keys, "ctrl-x");
  EXPECT_THAT(exec.command, ElementsAre("sh", "-i"));
  auto run = ParseAs<RunOptions>({"run", "-it", "--rm", "--sig-proxy=false", "busybox", "sh"});
  EXPECT_TRUE(run.interactive && run.tty && !run.sig_proxy);
  EXPECT_TRUE(HoldsSession(run));
  EXPECT_FALSE(HoldsSession(ParseAs<RunOptions>({"run", "-dit", "busybox"})));
  EXPECT_TRUE(HoldsSession(ParseAs<RunOptions>({"run", "busybox"})));
  auto attach = ParseAs<AttachOptions>({"attach", "--no-stdin", "--sig-proxy=false", "web"});
  EXPECT_TRUE(attach.no_stdin && !attach.sig_proxy);
  EXPECT_EQ(attach.id, "web");
}

TEST(CommandLineTest, TakesWhatACommandHasOfItsOwn) {
  auto exec = ParseAs<ExecOptions>({"exec", "-e", "A=1", "-eB", "--env-file", "vars", "-u", "web:7", "-w",
                                    "/srv", "web", "env", "-u", "A"});
  EXPECT_THAT(exec.env, ElementsAre("A=1", "B"));
  EXPECT_THAT(exec.env_files, ElementsAre("vars"));
  EXPECT_EQ(exec.user, "web:7");
  EXPECT_EQ(exec.working_dir, "/srv");
  EXPECT_THAT(exec.command, ElementsAre("env", "-u", "A"));
  EXPECT_TRUE(HoldsSession(exec));
  EXPECT_FALSE(HoldsSession(ParseAs<ExecOptions>({"exec", "web", "ls"})));
  EXPECT_FALSE(HoldsSession(ParseAs<ExecOptions>({"exec", "-d", "-u", "1", "web", "ls"})));
  auto start = ParseAs<StartOptions>({"start", "-ai", "--detach-keys", "ctrl-x", "web"});
  EXPECT_TRUE(start.attach && start.interactive && HoldsSession(Verb(start)));
  EXPECT_EQ(start.detach_keys, "ctrl-x");
  EXPECT_FALSE(HoldsSession(Verb(ParseAs<StartOptions>({"start", "a", "b"}))));
}

TEST(CommandLineTest, SuggestsTheNearestFlagOrCommand) {
  for (auto& [words, suggestion] :
       {std::pair{std::vector{"run", "--nmae", "web", "busybox"},
                  "unknown flag --nmae; did you mean --name?"},
        std::pair{std::vector{"run", "--restrat=always", "busybox"}, "did you mean --restart?"},
        std::pair{std::vector{"rnu", "busybox"}, "did you mean run?"},
        std::pair{std::vector{"logs", "--folow", "web"}, "unknown flag --folow; did you mean --follow?"},
        std::pair{std::vector{"ps", "--no-turnc"}, "did you mean --no-trunc?"},
        std::pair{std::vector{"exec", "--prvileged", "web", "ls"}, "did you mean --privileged?"},
        std::pair{std::vector{"image", "prune", "--dryrun"}, "did you mean --dry-run?"},
        std::pair{std::vector{"--adress", "ps"}, "did you mean --address?"},
        std::pair{std::vector{"container", "strat"}, "did you mean start?"}}) {
    auto line = Parse(words);
    ASSERT_FALSE(line) << suggestion;
    EXPECT_THAT(line.error().text, HasSubstr(suggestion));
  }
  EXPECT_THAT(Parse({"run", "--frobnicate", "x"}).error().text, Not(HasSubstr("did you mean")));
}

TEST(CommandLineTest, FlagsOfDockerThatAreMissingSaySo) {
  for (const std::vector<const char*>& words :
       {std::vector{"run", "--init", "busybox"}, std::vector{"run", "--userns", "host", "busybox"},
        std::vector{"run", "--userns=host", "busybox"}, std::vector{"exec", "--privileged", "web", "sh"},
        std::vector{"logs", "--details", "web"}, std::vector{"pull", "--platform", "linux/arm64", "a"},
        std::vector{"top", "web", "-o", "pid"}}) {
    auto line = Parse(words);
    ASSERT_FALSE(line) << words[1];
    EXPECT_EQ(line.error().status, kOwnError);
    EXPECT_THAT(line.error().text, HasSubstr("not supported"));
  }
}

TEST(CommandLineTest, TakesTheFlagsOfLists) {
  auto ps = ParseAs<PsOptions>(
      {"ps", "-aqs", "-n", "3", "-f", "status=exited", "--filter", "name=a", "--format", "{{.ID}}"});
  EXPECT_TRUE(ps.all && ps.quiet && ps.sizes);
  EXPECT_EQ(ps.last, 3);
  EXPECT_THAT(ps.filters, ElementsAre("status=exited", "name=a"));
  EXPECT_EQ(ParseAs<PsOptions>({"ps", "-l"}).last, 1);
  EXPECT_EQ(ParseAs<PsOptions>({"ps", "-n", "-1"}).last, -1) << "docker's default";
  auto port = ParseAs<PortOptions>({"port", "web", "80/tcp"});
  EXPECT_EQ(port.id + port.port, "web80/tcp");
  auto images =
      ParseAs<ImagesOptions>({"images", "-a", "-f", "dangling=true", "--format", "json", "busybox"});
  EXPECT_THAT(images.filters, ElementsAre("dangling=true"));
  EXPECT_EQ(images.reference, "busybox");
  EXPECT_TRUE(ParseAs<ImagesOptions>({"image", "ls", "-q"}).quiet);
  EXPECT_THAT(ParseAs<RmiOptions>({"image", "rm", "-f", "a"}).images, ElementsAre("a"));
  EXPECT_EQ(ParseAs<PullOptions>({"image", "pull", "a"}).image, "a");
  EXPECT_EQ(ParseAs<ImageHistoryOptions>({"history", "a"}).image, "a");
  EXPECT_THAT(ParseAs<NetworkListOptions>({"network", "ls", "-f", "name=a"}).filters, ElementsAre("name=a"));
  EXPECT_EQ(ParseAs<InspectOptions>({"inspect", "--type", "image", "a"}).type, "image");
  EXPECT_FALSE(Parse({"inspect", "--type", "pod", "a"}));
  EXPECT_EQ(ParseAs<InfoOptions>({"info", "-f", "{{.Name}}"}).format, "{{.Name}}");
  EXPECT_EQ(ParseAs<VersionOptions>({"version", "--format", "json"}).format, "json");
  EXPECT_EQ(ParseAs<SystemDfOptions>({"system", "df", "--format", "json"}).format, "json");
  EXPECT_EQ(ParseAs<CompletionOptions>({"completion", "bash"}).shell, "bash");
  EXPECT_FALSE(Parse({"completion", "csh"}));
}

TEST(CommandLineTest, TakesPortsLimitsAndFilesOfRun) {
  auto run =
      ParseAs<RunOptions>({"run", "-P", "-p", "80", "--expose", "7000", "--ulimit", "nofile=9:10",
                           "--shm-size", "1g", "--label-file", "labels", "--group-add", "staff", "busybox"});
  EXPECT_TRUE(run.publish_all);
  EXPECT_THAT(run.ports, ElementsAre("80"));
  EXPECT_THAT(run.exposed, ElementsAre("7000"));
  EXPECT_THAT(run.ulimits, ElementsAre("nofile=9:10"));
  EXPECT_EQ(run.shm_size, "1g");
  EXPECT_THAT(run.label_files, ElementsAre("labels"));
  EXPECT_THAT(run.groups, ElementsAre("staff"));
  EXPECT_EQ(ParseAs<LogsOptions>({"logs", "--until", "10m", "web"}).until, "10m");
}

TEST(CommandLineTest, FailuresHaveTheExitStatusOfDocker) {
  Error missing{.code = Code::kNotFound};
  Error interrupted{.code = Code::kCancelled};
  Error unreachable{.code = Code::kUnavailable};
  EXPECT_EQ(StatusOfFailure(RunOptions(), missing), 125);
  EXPECT_EQ(StatusOfFailure(CreateOptions(), missing), 125);
  EXPECT_EQ(StatusOfFailure(RmOptions(), missing), 1);
  EXPECT_EQ(StatusOfFailure(ExecOptions(), missing), 1);
  EXPECT_EQ(StatusOfFailure(RmiOptions(), missing), 1);
  EXPECT_EQ(StatusOfFailure(PortOptions(), missing), 1);
  EXPECT_EQ(StatusOfFailure(RmOptions(), unreachable), 125);
  EXPECT_EQ(StatusOfFailure(RmOptions(), interrupted), 130);
}

TEST(CommandLineTest, TakesVerbsOfGroups) {
  EXPECT_THAT(ParseAs<ImageInspectOptions>({"image", "inspect", "a", "b"}).images, ElementsAre("a", "b"));
  auto prune = ParseAs<ImagePruneOptions>({"image", "prune", "-a", "--dry-run"});
  EXPECT_TRUE(prune.all && prune.dry_run);
  EXPECT_FALSE(prune.force);
  EXPECT_TRUE(ParseAs<SystemDfOptions>({"system", "df", "-v"}).verbose);
  EXPECT_EQ(Parse({"image", "history", "a", "--output", "json"})->format, OutputFormat::kJson);
}

TEST(CommandLineTest, TakesNetworks) {
  auto create = ParseAs<NetworkCreateOptions>(
      {"network", "create", "--subnet", "10.9.0.0/24", "--internal", "--label", "a=b", "back"});
  EXPECT_EQ(create.name, "back");
  EXPECT_THAT(create.subnets, ElementsAre("10.9.0.0/24"));
  EXPECT_TRUE(create.internal);
  EXPECT_THAT(ParseAs<NetworkRemoveOptions>({"network", "rm", "a", "b"}).networks, ElementsAre("a", "b"));
  EXPECT_TRUE(ParseAs<NetworkListOptions>({"network", "ls", "-q"}).quiet);
  EXPECT_THAT(ParseAs<NetworkInspectOptions>({"network", "inspect", "a"}).networks, ElementsAre("a"));
  ParseAs<NetworkStatusOptions>({"network"});
  auto run =
      ParseAs<RunOptions>({"run", "--network", "back", "--network-alias", "db", "--ip", "10.9.0.9", "a"});
  EXPECT_EQ(run.network, "back");
  EXPECT_THAT(run.network_aliases, ElementsAre("db"));
  EXPECT_EQ(run.ip, "10.9.0.9");
  EXPECT_FALSE(Parse({"network", "connect", "back", "db"}));
}

TEST(CommandLineTest, TakesImagesAndRegistries) {
  EXPECT_TRUE(ParseAs<PullOptions>({"pull", "-q", "busybox"}).quiet);
  EXPECT_TRUE(ParseAs<ImagesOptions>({"images", "--tree"}).tree);
  EXPECT_EQ(ParseAs<TagOptions>({"tag", "a", "b:1"}).tag, "b:1");
  EXPECT_THAT(ParseAs<UntagOptions>({"untag", "a", "b"}).tags, ElementsAre("a", "b"));
  auto login = ParseAs<LoginOptions>({"login", "-u", "user", "-p", "secret", "registry.test"});
  EXPECT_EQ(login.server, "registry.test");
  EXPECT_EQ(login.password, "secret");
  EXPECT_EQ(ParseAs<LoginOptions>({"login", "--password-stdin"}).password, std::nullopt);
  EXPECT_EQ(ParseAs<LogoutOptions>({"logout"}).server, "");
}

TEST(CommandLineTest, ABuildIsOnlyChecked) {
  auto build = ParseAs<BuildOptions>({"build", "--check", "-f", "x/Dockerfile", "--target", "t",
                                      "--build-arg", "a=1", "--build-arg", "b", "dir"});
  EXPECT_EQ(build.file, "x/Dockerfile");
  EXPECT_EQ(build.target, "t");
  EXPECT_THAT(build.arguments, ElementsAre("a=1", "b"));
  EXPECT_EQ(build.context, "dir");
  EXPECT_THAT(Parse({"build", "dir"}).error().text, HasSubstr("--check is required"));
}

TEST(CommandLineTest, BadUsageIsAnErrorOfOurOwnThatNamesTheWord) {
  struct Case {
    std::vector<const char*> words;
    const char* named;
  };
  for (const Case& c :
       {Case{{"frob"}, "frob"}, Case{{"ps", "extra"}, "extra"}, Case{{"run", "--bogus", "x"}, "--bogus"},
        Case{{"run"}, "IMAGE"}, Case{{"exec", "web"}, "COMMAND"}, Case{{"logs"}, "CONTAINER"},
        Case{{"--output", "yaml", "ps"}, "yaml"}, Case{{"stop", "-t", "-1", "x"}, "-1"},
        Case{{"image", "frob"}, "frob"}, Case{{"image"}, "inspect"}, Case{{"tag", "a"}, "TARGET_IMAGE"},
        Case{{}, "images"}}) {
    auto line = Parse(c.words);
    ASSERT_FALSE(line) << c.named;
    EXPECT_EQ(line.error().status, kOwnError);
    EXPECT_THAT(line.error().text, HasSubstr(c.named));
  }
}

TEST(CommandLineTest, HelpIsNoError) {
  for (const std::vector<const char*>& words : {std::vector{"--help"}, std::vector{"run", "--help"}}) {
    auto line = Parse(words);
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().status, 0);
    EXPECT_THAT(line.error().text, HasSubstr("Usage"));
  }
}

}  // namespace
}  // namespace davit::cli
