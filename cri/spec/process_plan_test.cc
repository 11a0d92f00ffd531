// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/process_plan.h"

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

using ::testing::ElementsAre;
using Strings = std::vector<std::string>;

struct ArgumentsCase {
  Strings entrypoint;
  Strings cmd;
  const char* request;
  Strings expected;
};
class Arguments : public ::testing::TestWithParam<ArgumentsCase> {};

TEST_P(Arguments, AreMerged) {
  images::ImageConfig image;
  image.entrypoint = GetParam().entrypoint;
  image.cmd = GetParam().cmd;
  auto arguments = MergeArguments(Proto<v1::ContainerConfig>(GetParam().request), image);
  if (GetParam().expected.empty()) {
    EXPECT_TRUE(Refuses(arguments, Code::kInvalidArgument, "command"));
  } else {
    ASSERT_TRUE(arguments) << arguments.error().ToString();
    EXPECT_EQ(*arguments, GetParam().expected);
  }
}

// https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/ has the table.
INSTANTIATE_TEST_SUITE_P(
    All, Arguments,
    ::testing::Values(ArgumentsCase{{"/ep"}, {"a", "b"}, "", {"/ep", "a", "b"}},
                      ArgumentsCase{{"/ep"}, {"a"}, "command: '/c'", {"/c"}},
                      ArgumentsCase{{"/ep"}, {"a"}, "args: ['x', 'y']", {"/ep", "x", "y"}},
                      ArgumentsCase{{"/ep"}, {"a"}, "command: '/c' args: 'x'", {"/c", "x"}},
                      ArgumentsCase{{}, {"sh"}, "", {"sh"}}, ArgumentsCase{{"/ep"}, {}, "", {"/ep"}},
                      ArgumentsCase{{}, {"sh"}, "args: 'x'", {"x"}}, ArgumentsCase{{""}, {"sh"}, "", {"sh"}},
                      ArgumentsCase{{}, {}, "", {}}, ArgumentsCase{{""}, {}, "", {}},
                      ArgumentsCase{{}, {}, "command: '/c'", {"/c"}}));

TEST(Arguments, MayNotHoldNul) {
  v1::ContainerConfig config;
  config.add_command(std::string("/bin/sh\0-c", 10));
  EXPECT_TRUE(Refuses(MergeArguments(config, {}), Code::kInvalidArgument, "command", "NUL"));
}

Result<Strings> Environment(const std::string& request, Strings image_env = {}) {
  images::ImageConfig image;
  image.env = std::move(image_env);
  return MergeEnvironment(Proto<v1::ContainerConfig>(request), image, "pod-1");
}

constexpr char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

TEST(Environment, HasDefaults) {
  EXPECT_THAT(*Environment(""), ElementsAre(kPath, "HOSTNAME=pod-1"));
  EXPECT_THAT(*Environment("tty: true"), ElementsAre(kPath, "HOSTNAME=pod-1", "TERM=xterm"));
}

TEST(Environment, LetsTheLaterWin) {
  EXPECT_THAT(
      *Environment("envs { key: 'A' value: '2' } envs { key: 'C' value: '' }", {"PATH=/bin", "A=1", "B=1"}),
      ElementsAre("PATH=/bin", "HOSTNAME=pod-1", "A=2", "B=1", "C="));
  EXPECT_THAT(*Environment("envs { key: 'HOSTNAME' value: 'x' } tty: true", {"TERM=dumb", "TERM=vt100"}),
              ElementsAre(kPath, "HOSTNAME=x", "TERM=vt100"));
}

TEST(Environment, KeepsValuesAsTheyAre) {
  EXPECT_THAT(*Environment("envs { key: 'A' value: 'x=y\\nz ' }"),
              ElementsAre(kPath, "HOSTNAME=pod-1", "A=x=y\nz "));
}

TEST(Environment, RefusesEntriesWithoutAName) {
  auto code = Code::kInvalidArgument;
  EXPECT_TRUE(Refuses(Environment("", {std::string("A=x\0y", 5)}), code, "image.env", "NUL"));
  EXPECT_TRUE(Refuses(Environment("envs { key: '' value: 'x' }"), code, "envs.key"));
  EXPECT_TRUE(Refuses(Environment("envs { key: 'A=B' value: 'x' }"), code, "envs.key", "A=B"));
  EXPECT_TRUE(Refuses(Environment("envs { key: 'A' value: 'x\\000y' }"), code, "envs", "NUL"));
}

TEST(Environment, LeavesOutEntriesOfTheImageWithoutAName) {
  auto env = Environment("", {"PATH", "", "=x", "A=1", "NOTHING"});
  ASSERT_TRUE(env) << env.error().ToString();
  EXPECT_THAT(*env, ElementsAre(kPath, "HOSTNAME=pod-1", "A=1"));
}

TEST(Environment, SetsManyVariablesAtOnce) {
  Strings env = {"A=1", "B=1"};
  SetVariables(env, {"C=1", "A=2", "C=2"});
  EXPECT_THAT(env, ElementsAre("A=2", "B=1", "C=2"));
}

TEST(WorkingDirectory, IsTheRequestsOrTheImagesOrTheRoot) {
  images::ImageConfig image;
  EXPECT_EQ(*ChooseWorkingDirectory({}, image), "/");
  image.working_dir = "/srv/";
  EXPECT_EQ(*ChooseWorkingDirectory({}, image), "/srv");
  EXPECT_EQ(*ChooseWorkingDirectory(Proto<v1::ContainerConfig>("working_dir: '/tmp'"), image), "/tmp");
  EXPECT_TRUE(Refuses(ChooseWorkingDirectory(Proto<v1::ContainerConfig>("working_dir: 'tmp'"), image),
                      Code::kInvalidArgument, "working_dir", "tmp"));
  image.working_dir = "srv";
  EXPECT_TRUE(Refuses(ChooseWorkingDirectory({}, image), Code::kInvalidArgument, "image.working_dir", "srv"));
}

TEST(ExecPlan, DiffersFromInitByItsCommandAlone) {
  shim::ProcessPlan init;
  init.args = {"/ep"};
  init.env = {"A=1"};
  init.cwd = "/srv";
  init.user.uid = 5;
  init.capabilities.bounding = 7;
  init.no_new_privileges = true;
  init.seccomp = true;
  init.terminal = true;
  auto exec = BuildExecPlan(init, {"ls", "-l"}, /*tty=*/false);
  ASSERT_TRUE(exec);
  EXPECT_THAT(exec->args, ElementsAre("ls", "-l"));
  EXPECT_THAT(exec->env, ElementsAre("A=1"));
  EXPECT_EQ(exec->cwd, "/srv");
  EXPECT_EQ(exec->user.uid, 5u);
  EXPECT_EQ(exec->capabilities.bounding, 7u);
  EXPECT_TRUE(exec->no_new_privileges);
  EXPECT_TRUE(exec->seccomp);
  EXPECT_FALSE(exec->terminal);
  EXPECT_THAT(BuildExecPlan(init, {"sh"}, /*tty=*/true)->env, ElementsAre("A=1", "TERM=xterm"));
}

TEST(ExecPlan, HasWhatWasChanged) {
  shim::ProcessPlan init;
  init.env = {"A=1", "B=2"};
  init.cwd = "/srv";
  init.user.uid = 5;
  init.user.supplementary = {44};
  init.user.merge_image_groups = false;
  auto exec = BuildExecPlan(init, {"ls"}, /*tty=*/true,
                            {.env = {"A=3", "TERM=dumb"}, .user = "web:7", .working_dir = "/a/./b/"});
  ASSERT_TRUE(exec);
  EXPECT_THAT(exec->env, ElementsAre("A=3", "B=2", "TERM=dumb"));
  EXPECT_EQ(exec->cwd, "/a/b");
  init.user.uid.reset();
  init.user.name = "web";
  init.user.gid = 7;
  EXPECT_EQ(exec->user, init.user);
}

TEST(ExecPlan, RefusesMalformedChanges) {
  for (const auto& [changes, field] :
       {std::pair(ExecChanges{.env = {"A"}}, "env"), std::pair(ExecChanges{.env = {"=1"}}, "env"),
        std::pair(ExecChanges{.env = {std::string("A=\0", 3)}}, "env"),
        std::pair(ExecChanges{.user = ":1"}, "user"), std::pair(ExecChanges{.user = "-1"}, "user"),
        std::pair(ExecChanges{.working_dir = "srv"}, "working_dir")})
    EXPECT_TRUE(Refuses(BuildExecPlan({}, {"ls"}, false, changes), Code::kInvalidArgument, field)) << field;
}

TEST(ExecPlan, NeedsACommand) {
  EXPECT_TRUE(Refuses(BuildExecPlan({}, {}, false), Code::kInvalidArgument, "cmd"));
  EXPECT_TRUE(
      Refuses(BuildExecPlan({}, {std::string("a\0b", 3)}, false), Code::kInvalidArgument, "cmd", "NUL"));
}

}  // namespace
}  // namespace davit::cri
