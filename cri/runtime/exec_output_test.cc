// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/exec_output.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <thread>

#include "base/time.h"

namespace davit::cri {
namespace {

int64_t In(int64_t ms) {
  return MonotonicMilliseconds() + ms;
}

class ExecOutputTest : public ::testing::Test {
 protected:
  using End = ExecOutput::End;

  ExecOutputTest() : reactor_(Reactor::Start().value()) { Begin(); }

  void Begin() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    command_.Reset(ends[1]);
    output_ = ExecOutput::Create(UniqueFd(ends[0])).value();
  }
  void Write(int fd, const std::string& text) {
    EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void EndCommand() { Write(command_.get(), "outcome"); }
  // Begins to wait on the reactor.
  std::future<Result<End>> Wait(int64_t deadline_ms, std::stop_token gone = {}) {
    auto ended = std::make_shared<std::promise<Result<End>>>();
    output_->WaitOn(*reactor_, deadline_ms, gone,
                    [ended](Result<End> end) { ended->set_value(std::move(end)); });
    return ended->get_future();
  }

  std::unique_ptr<Reactor> reactor_;
  UniqueFd command_;  // the other end of the outcome
  std::shared_ptr<ExecOutput> output_;
};

TEST_F(ExecOutputTest, KeepsNoMoreThanItIsAllowed) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  command_.Reset(ends[1]);
  output_ = ExecOutput::Create(UniqueFd(ends[0]), /*most=*/5).value();
  Write(output_->stdout_writer(), "1234");
  Write(output_->stderr_writer(), "5678");
  EndCommand();
  EXPECT_EQ(output_->WaitHere(In(30'000)), true);
  EXPECT_EQ(output_->TakeStdout() + output_->TakeStderr(), "12345");
}

TEST_F(ExecOutputTest, IsTheCommandsUntilItsOutcome) {
  Write(output_->stdout_writer(), "out");
  Write(output_->stderr_writer(), "err");
  EndCommand();
  EXPECT_EQ(output_->WaitHere(In(30'000)), true);
  EXPECT_EQ(output_->TakeStdout(), "out");
  EXPECT_EQ(output_->TakeStderr(), "err");
}

TEST_F(ExecOutputTest, AWaitThatIsOverGoesOnOnTheReactorAndLosesNothing) {
  Write(output_->stdout_writer(), "begin ");
  EXPECT_EQ(output_->WaitHere(In(1)), false);
  auto ended = Wait(In(30'000));
  Write(output_->stdout_writer(), "end");
  EndCommand();
  EXPECT_EQ(ended.get(), End::kOutcome);
  EXPECT_EQ(output_->TakeStdout(), "begin end");
}

TEST_F(ExecOutputTest, AHangingCommandEndsAtItsDeadline) {
  EXPECT_EQ(Wait(In(1)).get(), End::kDeadline);
}

TEST_F(ExecOutputTest, AHangingCommandEndsWhenItsClientGoes) {
  std::stop_source client;
  auto ended = Wait(In(600'000), client.get_token());
  client.request_stop();
  EXPECT_EQ(ended.get(), End::kGone);
}

TEST_F(ExecOutputTest, AClientThatHasGoneBeforeIsNoticed) {
  std::stop_source client;
  client.request_stop();
  EXPECT_EQ(Wait(In(600'000), client.get_token()).get(), End::kGone);
}

TEST_F(ExecOutputTest, IsDroppedBeyondItsLimitAndTheCommandGoesOn) {
  auto ended = Wait(In(60'000));
  const std::string block(64 << 10, 'x');
  for (size_t written = 0; written < 2 * ExecOutput::kMost; written += block.size())
    Write(output_->stdout_writer(), block);
  Write(output_->stderr_writer(), "no room");
  EndCommand();
  EXPECT_EQ(ended.get(), End::kOutcome);
  EXPECT_EQ(output_->TakeStdout().size(), 16'000'000u);
  EXPECT_EQ(output_->TakeStderr(), "");
}

TEST_F(ExecOutputTest, AWriterThatNeverEndsHoldsUpNothing) {
  std::jthread grandchild([this](const std::stop_token& stop) {
    const std::string block(4 << 10, 'x');
    while (!stop.stop_requested()) Write(output_->stdout_writer(), block);
  });
  auto ended = Wait(In(60'000));
  EndCommand();
  EXPECT_EQ(ended.get(), End::kOutcome);
  grandchild.request_stop();
  EXPECT_EQ(output_->WaitHere(In(60'000)), true);  // reads what the last write waits for
}

TEST_F(ExecOutputTest, HangingCommandsCostNoThread) {
  auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  auto before = threads();
  std::vector<UniqueFd> hanging;
  std::vector<std::future<Result<End>>> ends;
  std::stop_source clients;
  for (int i = 0; i < 100; ++i) {
    hanging.push_back(std::move(command_));
    Begin();
    ends.push_back(Wait(In(600'000), clients.get_token()));
  }
  EXPECT_LE(threads(), before);  // fewer: the thread of an earlier test may still have been ending
  clients.request_stop();
  for (auto& end : ends) EXPECT_EQ(end.get(), End::kGone);
}

}  // namespace
}  // namespace davit::cri
