// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Execs whose end is told on a socket of their own (FdRole::kOutcome).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>

#include "base/error_message.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::HasSubstr;

constexpr int kPatienceMs = 30'000;

struct WatchedExec {
  UniqueFd outcome;
  UniqueFd out;
};

class ExecTest : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    StartSandbox();
    ASSERT_TRUE(daemon_.Start(Plan({"sleep", "1000"}), image_, &cgroup_)) << daemon_.ShimLog();
  }

  static ContainerPlan Plan(std::vector<std::string> args) { return MinimalPlan(TestId(1), std::move(args)); }
  static ProcessPlan Command(const std::string& script) { return Plan({"sh", "-c", script}).process; }

  WatchedExec Begin(const ProcessPlan& plan, unsigned container = 1) {
    auto [ours, theirs] = *FramePair();
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Descriptors fds;
    fds.Add(FdRole::kOutcome, std::move(theirs));
    fds.Add(FdRole::kStdout, UniqueFd(ends[1]));
    ExecRequest request{TestId(container), TestId(next_++), Encode(plan)};
    EXPECT_TRUE(daemon_.Send(ShimMessage::kExec, Encode(request), std::move(fds)));
    return {std::move(ours), UniqueFd(ends[0])};
  }

  static Result<Frame> Outcome(const WatchedExec& exec) {
    pollfd readable{exec.outcome.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) != 1) return Fail(Code::kDeadlineExceeded, "poll", "outcome");
    return ReceiveFrame(exec.outcome.get());
  }

  template <typename T>
  static T Told(const WatchedExec& exec, ShimMessage message) {
    auto frame = Outcome(exec);
    EXPECT_TRUE(frame) << frame.error().ToString();
    if (!frame) return {};
    EXPECT_EQ(frame->type, static_cast<uint32_t>(message));
    return Decode<T>(frame->payload, "outcome").value_or(T{});
  }
  static ExecExited End(const WatchedExec& exec) { return Told<ExecExited>(exec, ShimMessage::kExecExited); }
  static Error Failure(const WatchedExec& exec) {
    return ToError(Told<ErrorMessage>(exec, ShimMessage::kFailed));
  }

  static std::string ReadLine(const WatchedExec& exec) {
    std::string line;
    char c;
    while (read(exec.out.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }

  TestCgroup cgroup_;
  unsigned next_ = 50;
};

TEST_F(ExecTest, TheEndIsToldOnItsSocketAndNothingElse) {
  WatchedExec exec = Begin(Command("echo hello; exit 7"));

  ExecExited end = End(exec);

  EXPECT_EQ(end.exit_code, 7);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(ReadLine(exec), "hello");
  EXPECT_FALSE(Outcome(exec)) << "the socket is closed";
  ASSERT_TRUE(daemon_.Hello());
  EXPECT_TRUE(daemon_.HeardNothing()) << "on the connection";
}

TEST_F(ExecTest, APlanMayBeLargerThanAFrame) {
  ProcessPlan plan = Command("echo ${#LONG}");
  plan.env.push_back("LONG=" + std::string(100'000, 'x'));
  EXPECT_EQ(ReadLine(Begin(plan)), "100000");
}

TEST_F(ExecTest, AUserMayReopenItsStandardStreams) {
  ProcessPlan plan = Command("echo x > /dev/stdout && echo y > /proc/self/fd/1");
  plan.user.uid = 1000;
  WatchedExec exec = Begin(plan);
  EXPECT_EQ(End(exec).exit_code, 0);
  EXPECT_EQ(ReadLine(exec), "x");
}

TEST_F(ExecTest, WhatCannotStartSaysWhyOnItsSocket) {
  Error missing = Failure(Begin(Plan({"/no/such/file"}).process));
  EXPECT_EQ(missing.os_errno, ENOENT);
  EXPECT_THAT(missing.subject, HasSubstr("/no/such/file"));

  Error nowhere = Failure(Begin(Command("true"), /*container=*/9));
  EXPECT_EQ(nowhere.os_errno, ESRCH);

  Error senseless = Failure(Begin({}));
  EXPECT_EQ(senseless.code, Code::kInvalidArgument);
}

TEST_F(ExecTest, HangingUpKillsTheCommandsProcessGroup) {
  WatchedExec exec = Begin(Command("sleep 1000 & sleep 1000 & echo up; wait"));
  EXPECT_EQ(ReadLine(exec), "up");
  EXPECT_EQ(cgroup_.Processes().size(), 4U);

  exec.outcome.Reset();

  EXPECT_TRUE(Eventually([&] { return cgroup_.Processes().size() == 1; }));  // the container's first one
}

TEST_F(ExecTest, ADeathOfTheContainerIsACommandsDeathBySignal) {
  WatchedExec exec = Begin(Command("echo up; sleep 1000"));
  EXPECT_EQ(ReadLine(exec), "up");
  ASSERT_TRUE(daemon_.Kill(TestId(1)));
  EXPECT_EQ(End(exec).signal, SIGKILL);
}

TEST_F(ExecTest, AShutdownEndsWhatRunsWithItsExit) {
  WatchedExec exec = Begin(Command("echo up; sleep 1000"));
  EXPECT_EQ(ReadLine(exec), "up");
  ASSERT_TRUE(daemon_.Shutdown());
  EXPECT_EQ(End(exec).signal, SIGKILL) << "it was running, so it has not failed to start";
}

TEST_F(ExecTest, ACrashOfTheShimEndsTheSocket) {
  WatchedExec exec = Begin(Command("echo up; sleep 1000"));
  EXPECT_EQ(ReadLine(exec), "up");
  ASSERT_TRUE(daemon_.CrashShim());
  auto outcome = Outcome(exec);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace davit::shim
