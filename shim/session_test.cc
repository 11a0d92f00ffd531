// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sessions of clients (session.h): commands whose connection is the client's, and clients that are attached
// from a container's start.
#include "shim/session.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error_message.h"
#include "base/file_io.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kPatienceMs = 30'000;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe MakePipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Reads until `until` has appeared, or to the end.
std::string ReadTo(int fd, const std::string& until) {
  std::string text;
  char buffer[4096];
  while (until.empty() || text.find(until) == std::string::npos) {
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) != 1) break;
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) break;  // a terminal says EIO
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

class SessionTest : public ShimTest {
 protected:
  void SetUp() override {
    ShimTest::SetUp();
    if (IsSkipped()) return;
    StartSandbox();
  }

  static void Wait(int fd) {
    pollfd readable{fd, POLLIN, 0};
    ASSERT_EQ(poll(&readable, 1, kPatienceMs), 1);
  }
};

class CommandSession : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_, &cgroup_))
        << daemon_.ShimLog();
  }

  struct Client {
    UniqueFd connection;
    UniqueFd out;
    UniqueFd terminal;
  };
  enum class Streams { kPipe, kTerminal };

  // Begins it and waits for its start.
  Client Begin(const std::string& script, Streams streams = Streams::kTerminal) {
    ProcessPlan plan = MinimalPlan(TestId(1), {"sh", "-c", script}).process;
    plan.terminal = streams == Streams::kTerminal;
    auto [ours, theirs] = *FramePair();
    Descriptors fds;
    fds.Add(FdRole::kOutcome, std::move(theirs));
    Pipe out;
    if (!plan.terminal) {
      out = MakePipe();
      fds.Add(FdRole::kStdout, std::move(out.write));
    }
    ExecRequest request{TestId(1), TestId(next_++), Encode(plan), ClientSession{{33, 99}}};
    EXPECT_TRUE(daemon_.Send(ShimMessage::kExec, Encode(request), std::move(fds)));
    Client client{std::move(ours), std::move(out.read), {}};
    Wait(client.connection.get());
    auto started = ReceiveFrame(client.connection.get());
    EXPECT_TRUE(started && started->type == static_cast<uint32_t>(ShimMessage::kExecStarted));
    if (started) client.terminal = started->fds.Take(FdRole::kTerminal);
    EXPECT_EQ(client.terminal.valid(), plan.terminal);
    return client;
  }

  static void Say(const Client& client, SessionMessage message, const std::string& payload = {}) {
    EXPECT_TRUE(SendFrame(client.connection.get(), static_cast<uint32_t>(message), 0, payload));
  }
  static ExecExited End(const Client& client) {
    Wait(client.connection.get());
    auto frame = ReceiveFrame(client.connection.get());
    EXPECT_TRUE(frame && frame->type == static_cast<uint32_t>(ShimMessage::kExecExited));
    return frame ? Decode<ExecExited>(frame->payload, "end").value_or(ExecExited{}) : ExecExited{};
  }

  TestCgroup cgroup_;
  unsigned next_ = 50;
};

TEST_F(CommandSession, HasATerminalOfTheSizeThatWasAskedFor) {
  Client client = Begin("stty size; read word; echo \"<$word>\"; exit 5");
  EXPECT_THAT(ReadTo(client.terminal.get(), "\n"), HasSubstr("33 99"));
  ASSERT_TRUE(WriteAll(client.terminal.get(), "typed\r", "terminal"));
  EXPECT_THAT(ReadTo(client.terminal.get(), ">"), HasSubstr("<typed>"));
  EXPECT_EQ(End(client).exit_code, 5);
}

TEST_F(CommandSession, OutlivesTheDaemon) {
  Client client = Begin("echo up; read word; exit 6");
  ReadTo(client.terminal.get(), "up");
  daemon_.Disconnect();
  ASSERT_TRUE(WriteAll(client.terminal.get(), "go\r", "terminal"));
  EXPECT_EQ(End(client).exit_code, 6);
  ASSERT_TRUE(daemon_.Connect());
  ASSERT_TRUE(daemon_.Hello());
  EXPECT_TRUE(daemon_.HeardNothing()) << "the end is the client's alone";
}

// A shell that has not executed its program yet would take the signal for itself.
TEST_F(CommandSession, PassesSignalsToItsProcessGroup) {
  Client client =
      Begin("trap 'echo shell; wait; exit 7' USR1; sh -c 'echo up; exec sleep 1000' & wait", Streams::kPipe);
  EXPECT_THAT(ReadTo(client.out.get(), "up"), HasSubstr("up"));
  Say(client, SessionMessage::kSignal, Encode(SessionSignal{SIGUSR1}));
  EXPECT_THAT(ReadTo(client.out.get(), "shell"), HasSubstr("shell"));
  EXPECT_EQ(End(client).exit_code, 7);
}

TEST_F(CommandSession, HangsUpItsTerminalWithItsClient) {
  Client client = Begin("trap 'touch /hung-up; exit' HUP; echo up; while :; do sleep 0.1; done");
  ReadTo(client.terminal.get(), "up");
  client = {};
  EXPECT_TRUE(Eventually([&] { return IsThere("/hung-up"); }));
}

TEST_F(CommandSession, WithoutATerminalIsKilledWithItsClient) {
  Client client = Begin("echo up; sleep 1000; true", Streams::kPipe);
  ReadTo(client.out.get(), "up");
  client = {};
  EXPECT_TRUE(Eventually([&] { return cgroup_.Processes().size() == 1; }));
}

// It writes more than a terminal holds, so somebody has to read it.
TEST_F(CommandSession, GoesOnAfterItsClientHasDetached) {
  Client client = Begin("echo up; read word; seq 200000; touch /done; sleep 1000");
  ReadTo(client.terminal.get(), "up");
  ASSERT_TRUE(WriteAll(client.terminal.get(), "go\r", "terminal"));
  Say(client, SessionMessage::kDetach);
  client = {};
  EXPECT_TRUE(Eventually([&] { return IsThere("/done"); }));
  EXPECT_GE(cgroup_.Processes().size(), 2U);
}

TEST_F(CommandSession, WithoutATerminalCannotDetach) {
  Client client = Begin("echo up; sleep 1000; true", Streams::kPipe);
  ReadTo(client.out.get(), "up");
  Say(client, SessionMessage::kDetach);
  client = {};
  EXPECT_TRUE(Eventually([&] { return cgroup_.Processes().size() == 1; }));
}

TEST_F(CommandSession, AHostileClientChangesNothing) {
  Client client = Begin("echo up; read word; exit 8", Streams::kTerminal);
  int connection = client.connection.get();
  size_t before = 0;
  auto descriptors = [&] {
    size_t count = 0;
    for (int fd = 0; fd < 1024; ++fd) {
      std::string path = "/proc/" + std::to_string(daemon_.shim().pid) + "/fd/" + std::to_string(fd);
      count += faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? 1 : 0;
    }
    return count;
  };
  before = descriptors();
  std::vector<RoleFd> many(200, RoleFd(FdRole::kStdin, STDIN_FILENO));
  EXPECT_TRUE(SendFrame(connection, static_cast<uint32_t>(SessionMessage::kSignal), 0,
                        Encode(SessionSignal{SIGKILL}), many));
  EXPECT_TRUE(
      SendFrame(connection, static_cast<uint32_t>(SessionMessage::kSignal), 0, std::string(30'000, 'x')));
  EXPECT_TRUE(SendFrame(connection, static_cast<uint32_t>(SessionMessage::kSignal), 0,
                        std::string(10 << 20, 'x')));  // in a memfd
  for (int signal : {-1, 0, 65, 1 << 30}) Say(client, SessionMessage::kSignal, Encode(SessionSignal{signal}));
  for (uint32_t type : {1U, 22U, 30U, 999U}) EXPECT_TRUE(SendFrame(connection, type, 0, "whatever"));
  EXPECT_EQ(send(connection, "\xff\xff\xff", 3, MSG_NOSIGNAL), 3);
  for (int i = 0; i < 10'000; ++i) Say(client, SessionMessage::kSignal, "no signal");
  ASSERT_TRUE(daemon_.Hello()) << "the shim still answers";
  EXPECT_EQ(descriptors(), before);
  ASSERT_TRUE(WriteAll(client.terminal.get(), "go\r", "terminal"));
  EXPECT_EQ(End(client).exit_code, 8);
}

TEST_F(CommandSession, APodHasOnlySoMany) {
  std::vector<Client> clients;
  for (int i = 0; i < 256; ++i) clients.push_back(Begin("sleep 1000", Streams::kPipe));
  auto [ours, theirs] = *FramePair();
  Descriptors fds;
  fds.Add(FdRole::kOutcome, std::move(theirs));
  ProcessPlan plan = MinimalPlan(TestId(1), {"true"}).process;
  ExecRequest request{TestId(1), TestId(next_++), Encode(plan), ClientSession{}};
  ASSERT_TRUE(daemon_.Send(ShimMessage::kExec, Encode(request), std::move(fds)));
  Wait(ours.get());
  auto frame = ReceiveFrame(ours.get());
  ASSERT_TRUE(frame && frame->type == static_cast<uint32_t>(ShimMessage::kFailed));
  EXPECT_EQ(ToError(*Decode<ErrorMessage>(frame->payload, "error")).code, Code::kResourceExhausted);
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return cgroup_.Processes().size() == 1; }));
  EXPECT_EQ(End(Begin("exit 3", Streams::kPipe)).exit_code, 3);
}

TEST_F(CommandSession, SaysWhyItCannotStart) {
  ProcessPlan plan = MinimalPlan(TestId(1), {"/no/such/file"}).process;
  plan.terminal = true;
  auto [ours, theirs] = *FramePair();
  Descriptors fds;
  fds.Add(FdRole::kOutcome, std::move(theirs));
  ExecRequest request{TestId(1), TestId(next_++), Encode(plan), ClientSession{}};
  ASSERT_TRUE(daemon_.Send(ShimMessage::kExec, Encode(request), std::move(fds)));
  Wait(ours.get());
  auto frame = ReceiveFrame(ours.get());
  ASSERT_TRUE(frame && frame->type == static_cast<uint32_t>(ShimMessage::kFailed));
  EXPECT_EQ(ToError(*Decode<ErrorMessage>(frame->payload, "error")).os_errno, ENOENT);
}

class AttachedStart : public SessionTest {
 protected:
  struct Client {
    UniqueFd in;
    UniqueFd out;
    UniqueFd err;
    UniqueFd cut_off;
    UniqueFd terminal;
  };

  Client Start(const ContainerPlan& plan) {
    Pipe out = MakePipe();
    Pipe err = MakePipe();
    Client client{{}, std::move(out.read), std::move(err.read), UniqueFd(eventfd(0, EFD_CLOEXEC)), {}};
    Descriptors fds = *daemon_.ContainerFds(plan, image_);
    fds.Add(FdRole::kStdout, std::move(out.write));
    fds.Add(FdRole::kStderr, std::move(err.write));
    fds.Add(FdRole::kCutOff, UniqueFd(fcntl(client.cut_off.get(), F_DUPFD_CLOEXEC, 0)));
    struct StartContainer request{plan.container_id, 20'000, Encode(plan), Attachment{true, {33, 99}}};
    auto reply = daemon_.Call(ShimMessage::kStartContainer, Encode(request), std::move(fds));
    EXPECT_TRUE(reply) << reply.error().ToString() << daemon_.ShimLog();
    if (!reply) return client;
    EXPECT_TRUE(reply->fds.Take(FdRole::kProcess));
    client.terminal = reply->fds.Take(FdRole::kTerminal);
    client.in = reply->fds.Take(FdRole::kInput);
    return client;
  }
  bool IsCutOff(const Client& client) {
    pollfd readable{client.cut_off.get(), POLLIN, 0};
    return poll(&readable, 1, 0) == 1;
  }
};

TEST_F(AttachedStart, TheClientHasEveryByteFromTheFirst) {
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "echo first; echo bad >&2; cat; echo last"});
  plan.stdin_open = true;
  plan.stdin_once = true;
  Client client = Start(plan);
  EXPECT_EQ(ReadTo(client.out.get(), "first\n"), "first\n");
  ASSERT_TRUE(WriteAll(client.in.get(), "typed\n", "input"));
  client.in.Reset();
  EXPECT_EQ(ReadTo(client.out.get(), ""), "typed\nlast\n");
  EXPECT_EQ(ReadTo(client.err.get(), ""), "bad\n");
}

TEST_F(AttachedStart, ATerminalHasItsSizeBeforeTheProgramRuns) {
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "stty size; read word; echo \"<$word>\""});
  plan.process.terminal = true;
  plan.stdin_open = true;
  Client client = Start(plan);
  ASSERT_TRUE(client.terminal);
  EXPECT_THAT(ReadTo(client.out.get(), "\n"), StartsWith("33 99"));
  EXPECT_EQ(ReadTo(client.err.get(), ""), "") << "a terminal has no stderr";
  ASSERT_TRUE(WriteAll(client.terminal.get(), "typed\r", "terminal"));
  EXPECT_THAT(ReadTo(client.out.get(), ""), EndsWith("<typed>\r\n"));
}

TEST_F(AttachedStart, AContainerThatCannotStartClosesThePipes) {
  Pipe out = MakePipe();
  ContainerPlan plan = MinimalPlan(TestId(1), {"/no/such/file"});
  Descriptors fds = *daemon_.ContainerFds(plan, image_);
  fds.Add(FdRole::kStdout, std::move(out.write));
  struct StartContainer request{plan.container_id, 20'000, Encode(plan), Attachment{}};
  EXPECT_FALSE(daemon_.Call(ShimMessage::kStartContainer, Encode(request), std::move(fds)));
  EXPECT_EQ(ReadTo(out.read.get(), ""), "");
}

// The client reads nothing until the container has ended, or waits: much more than its pipe holds.
TEST_F(AttachedStart, APatientClientLosesNothing) {
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "seq 1000000; touch /written"});
  Client client = Start(plan);
  std::string begin = ReadTo(client.out.get(), "\n");
  usleep(300'000);
  EXPECT_FALSE(IsThere("/written")) << "the container waits";
  ASSERT_TRUE(daemon_.Hello()) << "the shim does not";
  std::string all = begin + ReadTo(client.out.get(), "");
  EXPECT_THAT(all, EndsWith("\n999999\n1000000\n"));
  EXPECT_EQ(all.size(), 6'888'896U);
  EXPECT_FALSE(IsCutOff(client));
}

TEST_F(AttachedStart, WhatAPatientClientHasNotReadAtTheEndIsItsStill) {
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "seq 30000"});  // 169 KB; its pipe holds 64 KiB
  Client client = Start(plan);
  ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
  EXPECT_THAT(ReadTo(client.out.get(), ""), EndsWith("\n29999\n30000\n"));
  EXPECT_FALSE(IsCutOff(client));
}

TEST_F(AttachedStart, APatientClientThatLeavesHoldsNothingUp) {
  ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", "seq 1000000; touch /written"});
  {
    Client client = Start(plan);
    ReadTo(client.out.get(), "\n");
  }
  EXPECT_TRUE(Eventually([&] { return IsThere("/written"); }));
  ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
}

}  // namespace
}  // namespace davit::shim
