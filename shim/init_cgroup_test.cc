// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Execs in containers that have divided their v2 cgroup among children of their own.
#include "shim/init_cgroup.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file_io.h"
#include "shim/cgroup_sweep.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::Contains;

class InitCgroupTest : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    if (cgroup_.UnifiedPath().empty()) GTEST_SKIP() << "needs a cgroup v2 hierarchy";
    StartSandbox();
    auto started = daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_, &cgroup_);
    ASSERT_TRUE(started) << started.error().ToString();
    init_ = started->info.pid;
  }
  void TearDown() override {
    if (init_ == 0) return;
    (void)daemon_.Kill(TestId(1));
    (void)daemon_.AwaitExit(TestId(1));
    std::ranges::reverse(made_);
    for (const std::string& directory : made_) EXPECT_EQ(rmdir(directory.c_str()), 0) << directory;
  }

  // A cgroup beneath the container's.
  std::string Make(const std::string& name) {
    std::string path = cgroup_.UnifiedPath() + "/" + name;
    EXPECT_EQ(mkdir(path.c_str(), 0755), 0) << path;
    made_.push_back(path);
    return path;
  }
  static Result<> Write(const std::string& file, const std::string& value) {
    return WriteFileAt(AT_FDCWD, file, value);
  }
  static ino_t Inode(int fd) {
    struct stat st{};
    EXPECT_EQ(fstat(fd, &st), 0);
    return st.st_ino;
  }
  static ino_t Inode(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(stat(path.c_str(), &st), 0);
    return st.st_ino;
  }

  // Starts a command, in the cgroup `directory` if that is given, and returns its pid.
  pid_t Exec(const std::string& directory = {}) {
    ProcessPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"}).process;
    Descriptors fds;
    if (!directory.empty())
      fds.Add(FdRole::kCgroupUnified, *OpenAt(AT_FDCWD, directory, O_PATH | O_DIRECTORY));
    auto started = daemon_.Call(ShimMessage::kExec, Encode(ExecRequest{TestId(1), TestId(50), Encode(plan)}),
                                std::move(fds));
    if (!started) {
      ADD_FAILURE() << started.error().ToString();
      return 0;
    }
    return Decode<ExecStarted>(started->payload, "ExecStarted")->pid;
  }
  static std::vector<pid_t> Processes(const std::string& directory) {
    auto procs = OpenAt(AT_FDCWD, directory + "/cgroup.procs", O_RDONLY);
    return procs ? ReadPids(procs->get()).value_or(std::vector<pid_t>()) : std::vector<pid_t>();
  }

  TestCgroup cgroup_;
  pid_t init_ = 0;
  std::vector<std::string> made_;
};

TEST_F(InitCgroupTest, IsTheContainersOwnAtFirstAndThenOneBeneathIt) {
  UniqueFd proc = *OpenAt(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  UniqueFd own = cgroup_.OpenUnified();
  auto found = OpenInitCgroup(proc.get(), init_, own.get());
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(Inode(found->get()), Inode(own.get()));

  std::string beneath = Make("init.scope");
  ASSERT_TRUE(Write(beneath + "/cgroup.procs", std::to_string(init_)));
  found = OpenInitCgroup(proc.get(), init_, own.get());
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_EQ(Inode(found->get()), Inode(beneath));
}

TEST_F(InitCgroupTest, OfAnotherContainerIsNotFound) {
  UniqueFd proc = *OpenAt(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY);
  TestCgroup other;
  EXPECT_FALSE(OpenInitCgroup(proc.get(), init_, other.OpenUnified().get()));
}

// Beside a threaded cgroup a new one takes no process, whatever controllers the host has.
TEST_F(InitCgroupTest, IsWhereACommandGoesWhoseOwnCgroupTakesNone) {
  std::string unfit = Make("davit-exec");
  ASSERT_TRUE(Write(Make("threads") + "/cgroup.type", "threaded"));
  ASSERT_EQ(ReadFile(unfit + "/cgroup.type").value_or(""), "domain invalid\n");
  pid_t command = Exec(unfit);
  EXPECT_THAT(Processes(cgroup_.UnifiedPath()), Contains(command));
}

TEST_F(InitCgroupTest, IsWhereACommandGoesOnceTheContainerHasEnabledControllers) {
  std::string own = cgroup_.UnifiedPath();
  std::string controllers = ReadFile(own + "/cgroup.controllers").value_or("");
  if (controllers.size() < 2) GTEST_SKIP() << "needs a controller in the v2 hierarchy";
  std::string beneath = Make("init.scope");
  ASSERT_TRUE(Write(beneath + "/cgroup.procs", std::to_string(init_)));
  ASSERT_TRUE(
      Write(own + "/cgroup.subtree_control", "+" + controllers.substr(0, controllers.find_first_of(" \n"))));
  pid_t command = Exec();
  EXPECT_THAT(Processes(beneath), Contains(command));
}

}  // namespace
}  // namespace davit::shim
