// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A log whose filesystem hangs holds its container's output, and nothing else of the pod.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <charconv>

#include "base/file_io.h"
#include "shim/testing/fuse_log.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class HungLogTest : public ShimTest {
 protected:
  void SetUp() override {
    if (std::string why = HangingFilesystem::WhyNot(); !why.empty()) GTEST_SKIP() << why;
    ShimTest::SetUp();
    if (IsSkipped()) return;
    StartSandbox();
    filesystem_ = std::make_unique<HangingFilesystem>();
  }

  // The container 1, whose log is the file "log" there. Runs `script` after that has hung.
  void StartAndHang(const std::string& script) {
    ContainerPlan plan = MinimalPlan(
        TestId(1), {"sh", "-c", "echo first; while ! test -e /go; do usleep 1000; done; " + script});
    Descriptors fds = std::move(*daemon_.ContainerFds(plan, image_));
    (void)fds.Take(FdRole::kLog);
    fds.Add(FdRole::kLog, OpenHere("log"));
    auto started = daemon_.Start(plan, std::move(fds));
    ASSERT_TRUE(started) << started.error().ToString();
    init_ = std::move(started->pidfd);
    ASSERT_TRUE(Eventually([&] { return filesystem_->Content("log").contains("first"); }));
    filesystem_->Hang();
    image_.Write("go", "");
    filesystem_->AwaitVictim();
  }

  UniqueFd OpenHere(const std::string& name) {
    auto file = OpenAt(AT_FDCWD, *filesystem_ / name, O_PATH);
    EXPECT_TRUE(file) << file.error().ToString();
    return file ? std::move(*file) : UniqueFd();
  }

  void ExpectThatThePodGoesOn() {
    auto hello = daemon_.Hello();
    ASSERT_TRUE(hello) << hello.error().ToString();
    ProcessPlan exec = MinimalPlan(TestId(1), {"echo", "hi"}).process;
    auto outcome = daemon_.Exec(TestId(1), exec);
    ASSERT_TRUE(outcome) << outcome.error().ToString();
    EXPECT_EQ(outcome->out, "hi\n");
    EXPECT_EQ(Run(MinimalPlan(TestId(next_++), {"sh", "-c", "echo x; exit 5"})).exit.exit_code, 5);
  }

  // How many lines "1", "2", ... follow "first"; fails for anything else between.
  size_t Numbers() {
    std::string log = filesystem_->Content("log");
    size_t expected = 0;
    for (size_t pos = 0; pos < log.size();) {
      size_t end = std::min(log.find('\n', pos), log.size());
      std::string_view line(log.data() + pos, end - pos);
      pos = end + 1;
      size_t text = line.rfind(' ') + 1;
      if (line.substr(text) == "first") continue;
      size_t number = 0;
      std::from_chars(line.data() + text, line.data() + line.size(), number);
      bool is_torn = line.find(" P ") != std::string_view::npos || end == log.size();
      if (!is_torn && number != expected + 1) ADD_FAILURE() << line << " after " << expected;
      if (!is_torn) expected = number;
    }
    return expected;
  }

  // Processes that write logs.
  size_t Writers() const {
    std::string pid = std::to_string(daemon_.shim().pid);
    std::string children = ReadFile("/proc/" + pid + "/task/" + pid + "/children").value_or("");
    size_t count = 0;
    for (const char* at = children.c_str(); *at != '\0';) {
      int child = atoi(at);
      count += ReadFile("/proc/" + std::to_string(child) + "/comm").value_or("") == "davit-log\n";
      while (*at != '\0' && *at++ != ' ') {
      }
    }
    return count;
  }

  std::unique_ptr<HangingFilesystem> filesystem_;
  PidFd init_;
  unsigned next_ = 10;
};

constexpr size_t kLines = 200'000;
const std::string kFlood = "seq 1 200000; exit 3";

TEST_F(HungLogTest, HoldsItsContainerUntilItGoesOnAndLosesNothing) {
  StartAndHang(kFlood);
  ExpectThatThePodGoesOn();
  EXPECT_FALSE(*init_.WaitExit(0)) << "more was taken than there is room for";
  filesystem_->Resume();
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->exit_code, 3);
  EXPECT_EQ(Numbers(), kLines);
}

TEST_F(HungLogTest, DelaysNoExitForLongAndGetsTheOutputLater) {
  StartAndHang("seq 1 1000; exit 3");
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->exit_code, 3);
  EXPECT_TRUE(ReadFile(daemon_.ExitRecordPath(TestId(1))));
  EXPECT_THAT(filesystem_->Content("log"), Not(HasSubstr(" F 1\n")));
  filesystem_->Resume();
  EXPECT_TRUE(Eventually([&] { return Numbers() == 1000; }));
}

TEST_F(HungLogTest, LetsItsContainerBeKilled) {
  StartAndHang(kFlood);
  ASSERT_TRUE(daemon_.Kill(TestId(1)));
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit) << exit.error().ToString();
  EXPECT_EQ(exit->signal, SIGKILL);
  filesystem_->Resume();
  // What the pipe held is much less than the flood, but not nothing.
  EXPECT_TRUE(Eventually([&] { return Numbers() > 100; })) << Numbers();
}

TEST_F(HungLogTest, LetsThePodBeStopped) {
  StartAndHang(kFlood);
  ASSERT_TRUE(daemon_.Shutdown());
  EXPECT_THAT(daemon_.ShimLog(), HasSubstr("output of the pod is lost"));
}

TEST_F(HungLogTest, IsReopenedWhenItGoesOn) {
  UniqueFd next;
  {
    auto opened = daemon_.OpenLog(daemon_.dir() / "next.log");
    ASSERT_TRUE(opened);
    next = std::move(*opened);
  }
  StartAndHang("echo old; while ! test -e /more; do usleep 1000; done; echo new");
  Descriptors fds;
  fds.Add(FdRole::kLog, std::move(next));
  auto reopen = daemon_.Send(ShimMessage::kReopenLog, Encode(ReopenLog{TestId(1)}), std::move(fds));
  ASSERT_TRUE(reopen);
  ExpectThatThePodGoesOn();
  EXPECT_TRUE(daemon_.HeardNothing()) << "the file before may still get lines";
  filesystem_->Resume();
  ASSERT_TRUE(daemon_.AwaitReply(*reopen));
  image_.Write("more", "");
  ASSERT_TRUE(daemon_.AwaitExit(TestId(1)));
  EXPECT_THAT(filesystem_->Content("log"), ::testing::EndsWith("stdout F old\n"));
  EXPECT_THAT(*ReadFile(daemon_.dir() / "next.log"), ::testing::EndsWith("stdout F new\n"));
}

TEST_F(HungLogTest, HasAProcessOnlyIfThereIsOutput) {
  ASSERT_TRUE(daemon_.Start(MinimalPlan(TestId(1), {"sleep", "1000"}), image_));
  EXPECT_EQ(Writers(), 0U);
  ASSERT_TRUE(daemon_.Start(
      MinimalPlan(TestId(2), {"sh", "-c", "echo x; while ! test -e /go; do usleep 1000; done"}), image_));
  EXPECT_TRUE(Eventually([&] { return Writers() == 1; }));
  image_.Write("go", "");
  ASSERT_TRUE(daemon_.AwaitExit(TestId(2)));
  EXPECT_TRUE(Eventually([&] { return Writers() == 0; }));
}

// The shim's own log, which is the daemon's stderr.
class HungOwnLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string why = TestImage::WhyNot(); !why.empty()) GTEST_SKIP() << why;
  }

  void Launch(UniqueFd log) {
    ASSERT_TRUE(daemon_.LaunchShim(std::move(log)));
    SandboxPlan sandbox;
    sandbox.sandbox_id = TestId(0);
    sandbox.hostname = "pod-under-test";
    auto started = daemon_.StartSandbox(sandbox);
    ASSERT_TRUE(started) << started.error().ToString();
  }

  // An exit record that cannot be written is worth a line of some hundred bytes.
  void LetItLog(unsigned n) {
    std::string obstacle = daemon_.dir() / "exits" + "/." + TestId(n) + ".tmp";
    ASSERT_EQ(mkdir(obstacle.c_str(), 0700), 0);
    auto outcome = daemon_.Run(MinimalPlan(TestId(n), {"sh", "-c", "exit 5"}), image_);
    ASSERT_TRUE(outcome) << outcome.error().ToString();
    EXPECT_EQ(outcome->exit.exit_code, 5);
  }

  static void Fill(int fd) {
    char bytes[512] = {};
    int flags = fcntl(fd, F_GETFL);
    ASSERT_EQ(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, bytes, sizeof bytes) > 0) {
    }
    ASSERT_EQ(errno, EAGAIN);
    ASSERT_EQ(fcntl(fd, F_SETFL, flags), 0);
  }

  TestImage image_;
  TestDaemon daemon_;
};

TEST_F(HungOwnLogTest, MayBeAPipeThatNobodyReads) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  Fill(ends[1]);
  Launch(UniqueFd(ends[1]));
  LetItLog(1);
}

TEST_F(HungOwnLogTest, MayBeASocketThatNobodyReads) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd reader(ends[0]);
  Fill(ends[1]);
  Launch(UniqueFd(ends[1]));
  LetItLog(1);
}

TEST_F(HungOwnLogTest, MayBeAFileThatHangs) {
  if (std::string why = HangingFilesystem::WhyNot(); !why.empty()) GTEST_SKIP() << why;
  HangingFilesystem filesystem;
  Launch(*OpenAt(AT_FDCWD, filesystem / "stderr", O_WRONLY | O_APPEND));
  LetItLog(1);
  ASSERT_TRUE(ShimTest::Eventually([&] { return filesystem.Content("stderr").contains(TestId(1)); }));
  filesystem.Hang();
  for (unsigned n = 2; n < 5; ++n) LetItLog(n);
  filesystem.Resume();
  ASSERT_TRUE(ShimTest::Eventually([&] { return filesystem.Content("stderr").contains(TestId(4)); }));
}

}  // namespace
}  // namespace davit::shim
