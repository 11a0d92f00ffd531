// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Standard streams of a user who is not root: /dev/stdout and its like are opened anew by many programs
// (images that link their logs there), which asks for the owner of the pipe.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/memfd.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::ElementsAre;

constexpr char kReopen[] =
    "echo a > /dev/stdout; echo b > /dev/stderr; echo c > /proc/self/fd/1; echo d > /proc/self/fd/2";

uid_t OwnerOf(int fd) {
  struct stat st{};
  EXPECT_EQ(fstat(fd, &st), 0);
  return st.st_uid;
}

std::pair<UniqueFd, UniqueFd> MakePipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class StdioTest : public ShimTest {
 protected:
  StdioTest() { signal(SIGPIPE, SIG_IGN); }  // of a command that could not open its input
  static ContainerPlan UserPlan(const std::string& script, unsigned id = 1) {
    ContainerPlan plan = MinimalPlan(TestId(id), {"sh", "-c", script});
    plan.process.user.uid = 1000;
    return plan;
  }
  static ProcessPlan UserCommand(const std::string& script) { return UserPlan(script).process; }
  void StartIdle() {
    StartSandbox();
    ASSERT_TRUE(daemon_.Start(UserPlan("sleep 1000"), image_)) << daemon_.ShimLog();
  }
  Result<Frame> BeginExec(const ProcessPlan& plan, Descriptors fds) {
    return daemon_.Call(ShimMessage::kExec, Encode(ExecRequest{TestId(1), TestId(50), Encode(plan)}),
                        std::move(fds));
  }
};

TEST_F(StdioTest, AContainersUserMayReopenThem) {
  StartSandbox();
  ContainerOutcome outcome = Run(UserPlan(kReopen));
  EXPECT_THAT(outcome.out, ElementsAre("a", "c"));
  EXPECT_THAT(outcome.err, ElementsAre("b", "d"));
}

TEST_F(StdioTest, AContainersUserMayReopenItsTerminal) {
  StartSandbox();
  ContainerPlan plan = UserPlan(kReopen);
  plan.process.terminal = true;
  EXPECT_THAT(Run(plan).out, ElementsAre("a\r", "b\r", "c\r", "d\r"));
}

TEST_F(StdioTest, AnExecsUserMayReopenThem) {
  StartIdle();
  auto outcome = daemon_.Exec(TestId(1), UserCommand(kReopen));
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->out, "a\nc\n");
  EXPECT_EQ(outcome->err, "b\nd\n");
}

TEST_F(StdioTest, AnExecsUserMayReopenItsInput) {
  StartIdle();
  auto [in_read, in_write] = MakePipe();
  auto [out_read, out_write] = MakePipe();
  Descriptors fds;
  fds.Add(FdRole::kStdin, std::move(in_read));
  fds.Add(FdRole::kStdout, std::move(out_write));
  auto started = BeginExec(UserCommand("cat /dev/stdin"), std::move(fds));
  ASSERT_TRUE(started) << started.error().ToString();
  ASSERT_TRUE(WriteAll(in_write.get(), "typed\n", "input"));
  in_write.Reset();
  EXPECT_EQ(ReadFd(out_read.get(), "output").value_or(""), "typed\n");
}

TEST_F(StdioTest, AnExecsUserMayReopenItsTerminal) {
  StartIdle();
  ProcessPlan plan = UserCommand(std::string(kReopen) + "; read end");
  plan.terminal = true;
  auto started = BeginExec(plan, {});
  ASSERT_TRUE(started) << started.error().ToString();
  UniqueFd terminal = started->fds.Take(FdRole::kTerminal);
  ASSERT_EQ(fcntl(terminal.get(), F_SETFL, 0), 0);  // blocking
  std::string output;
  char c = 0;
  while (output.size() < 12 && read(terminal.get(), &c, 1) == 1) output += c;
  EXPECT_EQ(output, "a\r\nb\r\nc\r\nd\r\n");
  ASSERT_TRUE(WriteAll(terminal.get(), "\n", "terminal"));
  ASSERT_TRUE(daemon_.AwaitExecExit(TestId(50)));
}

TEST_F(StdioTest, WhatAnAttachedClientTypesReachesAUserWhoReopensTheInput) {
  StartSandbox();
  ContainerPlan plan = UserPlan("read line < /dev/stdin; echo \"got $line\" > /dev/stdout");
  plan.stdin_open = true;
  ASSERT_TRUE(daemon_.Start(plan, image_));
  auto [out_read, out_write] = MakePipe();
  Descriptors fds;
  fds.Add(FdRole::kStdout, std::move(out_write));
  fds.Add(FdRole::kCutOff, UniqueFd(eventfd(0, EFD_CLOEXEC)));
  auto attached = daemon_.Call(ShimMessage::kAttach, Encode(AttachRequest{TestId(1), true}), std::move(fds));
  ASSERT_TRUE(attached) << attached.error().ToString();
  UniqueFd input = attached->fds.Take(FdRole::kInput);
  ASSERT_TRUE(WriteAll(input.get(), "hello\n", "input"));
  EXPECT_EQ(ReadFd(out_read.get(), "output").value_or(""), "got hello\n");
  ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
}

TEST_F(StdioTest, SocketsChangeTheirOwnerToo) {
  StartIdle();
  auto [ours, theirs] = *FramePair();
  Descriptors fds;
  fds.Add(FdRole::kStdout, UniqueFd(fcntl(theirs.get(), F_DUPFD_CLOEXEC, 0)));
  ASSERT_TRUE(BeginExec(UserCommand("true"), std::move(fds)));
  ASSERT_TRUE(daemon_.AwaitExecExit(TestId(50)));
  EXPECT_EQ(OwnerOf(theirs.get()), 1000U);
}

TEST_F(StdioTest, FilesKeepTheirOwner) {
  StartIdle();
  ScratchDir dir;
  auto file = OpenAt(AT_FDCWD, dir / "output", O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(file);
  Descriptors fds;
  fds.Add(FdRole::kStdout, UniqueFd(fcntl(file->get(), F_DUPFD_CLOEXEC, 0)));
  ASSERT_TRUE(BeginExec(UserCommand("echo written"), std::move(fds)));
  ASSERT_TRUE(daemon_.AwaitExecExit(TestId(50)));
  EXPECT_EQ(OwnerOf(file->get()), 0U);
  EXPECT_EQ(ReadFile(dir / "output").value_or(""), "written\n");
}

TEST_F(StdioTest, TheLogAndDevNullKeepTheirOwner) {
  StartSandbox();
  ContainerPlan plan = UserPlan("stat -L -c %u /proc/self/fd/0; stat -L -c %u:%t:%T /dev/null");
  EXPECT_THAT(Run(plan).out, ElementsAre("0", "0:1:3"));
  struct stat st{};
  ASSERT_EQ(stat(daemon_.LogPath(TestId(1)).c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 0U);
}

TEST_F(StdioTest, TheShimsDevNullInPlaceOfAMissingOneKeepsItsOwner) {
  StartSandbox();
  ContainerPlan plan = UserPlan("stat -L -c %u:%t:%T /proc/self/fd/0");
  std::erase_if(plan.mounts, [](const MountStep& step) { return step.target.starts_with("/dev"); });
  plan.process.user.uid = 1000;
  EXPECT_THAT(Run(plan).out, ElementsAre("0:1:3"));
}

}  // namespace
}  // namespace davit::shim
