// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// CRI logs: the line format by itself, and the way from a container into the file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <regex>

#include "base/file_io.h"
#include "shim/init/mount_api.h"
#include "shim/log_file.h"
#include "shim/log_lines.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Everything that was fed, as written, without the stamps.
class LogLinesTest : public ::testing::Test {
 protected:
  void Add(std::string_view data) {
    while (!data.empty()) {
      data.remove_prefix(lines_.Add(data, batch_));
      Flush();
    }
  }
  void Finish() {
    EXPECT_TRUE(lines_.Finish(batch_));
    Flush();
  }
  void Flush() {
    written_ += batch_.text();
    batch_.Clear();
  }
  std::vector<std::string> WithoutStamps() const {
    std::vector<std::string> lines;
    for (size_t pos = 0; pos < written_.size();) {
      size_t end = written_.find('\n', pos);
      size_t stamp = written_.find(' ', pos) + 1;
      lines.push_back(written_.substr(stamp, end - stamp));
      pos = end + 1;
    }
    return lines;
  }

  std::vector<char> room_ = std::vector<char>(64 << 10);
  LogBatch batch_{room_};
  LogLines lines_{"stdout"};
  std::string written_;
};

TEST_F(LogLinesTest, StampsEveryLineInNanoseconds) {
  Add("a\nb\n");
  EXPECT_TRUE(std::regex_match(
      written_, std::regex("(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}Z stdout F [ab]\n){2}")))
      << written_;
}

TEST_F(LogLinesTest, JoinsWhatCameInSeveralReads) {
  Add("one ");
  Add("li");
  EXPECT_EQ(written_, "");
  Add("ne\nand ");
  Add("\n");
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout F one line", "stdout F and "));
}

TEST_F(LogLinesTest, KeepsEmptyLines) {
  Add("\n\nx\n\n");
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout F ", "stdout F ", "stdout F x", "stdout F "));
}

TEST_F(LogLinesTest, MarksALastLineWithoutANewlineAsPartial) {
  Add("whole\nno newline");
  Finish();
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout F whole", "stdout P no newline"));
}

TEST_F(LogLinesTest, MarksEveryPieceOfALongLastLineWithoutANewlineAsPartial) {
  std::string piece(16384, 'x');
  Add(piece + piece + "tail");
  Finish();
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout P " + piece, "stdout P " + piece, "stdout P tail"));
}

TEST_F(LogLinesTest, WritesNothingAtTheEndOfAStreamThatEndsWithANewline) {
  Add("whole\n");
  Finish();
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout F whole"));
}

// As the kubelet's own reader and other runtimes have it: a number of the log format, not ours to choose.
constexpr size_t k16KiB = 16'384;

TEST_F(LogLinesTest, SplitsLongLinesAt16KiB) {
  std::string piece(k16KiB, 'x');
  Add(piece + piece + "tail\n");
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout P " + piece, "stdout P " + piece, "stdout F tail"));
}

TEST_F(LogLinesTest, ALineOfExactly16KiBIsWhole) {
  std::string piece(k16KiB, 'x');
  Add(piece);
  Add("\n" + piece + "\n");
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout F " + piece, "stdout F " + piece));
}

TEST_F(LogLinesTest, IsTheSameHoweverTheReadsFall) {
  std::string text;
  unsigned seed = 1;
  for (int i = 0; i < 300; ++i) {
    seed = seed * 1103515245 + 12345;
    text += std::string((seed >> 16) % 40'000 * (i % 7 == 0), static_cast<char>('a' + i % 26)) + "\n";
  }
  Add(text);
  std::vector<std::string> at_once = WithoutStamps();
  for (size_t step : {1UL, 7UL, 1000UL, 16384UL, 16385UL}) {
    written_.clear();
    for (size_t pos = 0; pos < text.size(); pos += step) Add(std::string_view(text).substr(pos, step));
    EXPECT_EQ(WithoutStamps(), at_once) << step;
  }
}

TEST_F(LogLinesTest, PassesEveryByteOn) {
  std::string binary;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') binary += static_cast<char>(byte);
  }
  Add(binary + "\n");
  EXPECT_EQ(WithoutStamps().at(0), "stdout F " + binary);
}

TEST_F(LogLinesTest, TakesWhatThereIsRoomForAndSaysHowMuch) {
  std::string line(100, 'x');
  std::string text;
  for (int i = 0; i < 1000; ++i) text += line + "\n";
  size_t taken = lines_.Add(text, batch_);
  EXPECT_GT(taken, 30'000U);
  EXPECT_LT(taken, text.size());
  EXPECT_EQ(taken % (line.size() + 1), 0U);
  EXPECT_EQ(lines_.Add(text.substr(taken), batch_), 0U);
}

TEST_F(LogLinesTest, ALastLineWaitsForRoom) {
  Add("the end");
  batch_.Append(std::string(room_.size(), '.'));
  EXPECT_FALSE(lines_.Finish(batch_));
  batch_.Clear();
  Finish();
  EXPECT_THAT(WithoutStamps(), ElementsAre("stdout P the end"));
}

std::string Content(int fd) {
  std::string text(static_cast<size_t>(lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

void Write(LogFile& file, const std::string& batch) {
  WriteBatch(file, batch.data(), batch.size());
}

TEST(LogFile, DropsAndCountsWhatAFullDiskDoesNotTake) {
  // /dev/full refuses every write with ENOSPC.
  UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  LogFile file{full.get()};
  Write(file, "lost\n");
  EXPECT_EQ(file.dropped_bytes, 5U);
  UniqueFd disk(memfd_create("log", MFD_CLOEXEC));
  file.fd = disk.get();
  Write(file, "kept\n");
  EXPECT_EQ(Content(disk.get()), "kept\n");
  EXPECT_EQ(file.dropped_bytes, 5U);
}

TEST(LogFile, StartsANewLineAfterATornOne) {
  auto disk = NewFilesystem("tmpfs", "size=8k", 0);
  if (!disk) GTEST_SKIP() << "needs CAP_SYS_ADMIN to make a small tmpfs";
  auto opened = OpenAt(disk->get(), "log", O_RDWR | O_CREAT | O_APPEND, 0600);
  ASSERT_TRUE(opened);
  LogFile file{opened->get()};
  Write(file, std::string(6000, 'a') + "\n" + std::string(6000, 'b') + "\n");
  ASSERT_GT(file.dropped_bytes, 0U);
  ASSERT_EQ(ftruncate(file.fd, 7000), 0);  // room again, in the middle of the second line
  Write(file, "after\n");
  EXPECT_THAT(Content(file.fd), ::testing::EndsWith("b\nafter\n"));
}

using LogTest = ShimTest;

TEST_F(LogTest, LosesNothingOfAFlood) {
  StartSandbox();
  ContainerOutcome outcome = RunScript("seq 1 200000; seq 1 1000 >&2");
  ASSERT_EQ(outcome.out.size(), 200'000U);
  ASSERT_EQ(outcome.err.size(), 1000U);
  for (size_t i = 0; i < outcome.out.size(); ++i) ASSERT_EQ(outcome.out[i], std::to_string(i + 1));
}

TEST_F(LogTest, WritesAPartialLineAtTheEndOfBothStreams) {
  StartSandbox();
  ContainerOutcome outcome = RunScript("printf 'a\\nb'; printf 'c\\nd' >&2");
  EXPECT_THAT(outcome.out, ElementsAre("a", "b"));
  EXPECT_THAT(outcome.err, ElementsAre("c", "d"));
  std::string log = ReadFile(daemon_.LogPath(outcome.exit.container_id)).value_or("");
  for (const char* line : {" stdout F a\n", " stdout P b\n", " stderr F c\n", " stderr P d\n"})
    EXPECT_THAT(log, HasSubstr(line));
}

TEST_F(LogTest, AStreamThatIsClosedEarlyDoesNotEndTheOther) {
  StartSandbox();
  ContainerOutcome outcome = RunScript("exec 1>&-; usleep 50000; echo still >&2");
  EXPECT_THAT(outcome.err, ElementsAre("still"));
}

TEST_F(LogTest, HasTheOutputInTheFileBeforeTheExitIsTold) {
  StartSandbox();
  for (int i = 0; i < 20; ++i) {
    ContainerOutcome outcome = RunScript("seq 1 2000; printf end");
    ASSERT_EQ(outcome.out.size(), 2001U);
    EXPECT_EQ(outcome.out.back(), "end");
  }
}

TEST_F(LogTest, PumpsOnWithoutADaemon) {
  StartSandbox();
  ASSERT_TRUE(
      daemon_.Start(MinimalPlan(TestId(1), {"sh", "-c", "seq 1 100000; touch /done; sleep 1000"}), image_));
  daemon_.Disconnect();
  ASSERT_TRUE(Eventually([&] { return IsThere("/done"); }));
  ASSERT_TRUE(daemon_.Connect());
  ASSERT_TRUE(daemon_.Kill(TestId(1)));
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(daemon_.Outcome(*exit).out.size(), 100'000U);
}

TEST_F(LogTest, DropsOutputWithoutALog) {
  StartSandbox();
  ContainerPlan plan = MinimalPlan(TestId(1), {"seq", "1", "100000"});
  auto fds = daemon_.ContainerFds(plan, image_);
  ASSERT_TRUE(fds);
  EXPECT_TRUE(fds->Take(FdRole::kLog));
  ASSERT_TRUE(daemon_.Start(plan, std::move(*fds)));
  auto exit = daemon_.AwaitExit(TestId(1));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->exit_code, 0);
}

TEST_F(LogTest, SomebodyElseHoldingThePipeDoesNotDelayTheExit) {
  StartSandbox();
  TestCgroup elsewhere;
  // In the host's PID namespace without a cgroup to sweep, the sleeper outlives the container with its
  // stdout.
  ContainerPlan plan =
      MinimalPlan(TestId(1), {"sh", "-c", "echo before; setsid sleep 1000 & echo $! > /tmp/pid"});
  plan.pid = NamespaceUse::kHost;
  auto outcome = daemon_.Run(plan, image_);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_THAT(outcome->out, ElementsAre("before"));
  auto pid = PidFd::Open(atoi(ReadFile(image_.path() + "/tmp/pid")->c_str()));
  ASSERT_TRUE(pid);
  ASSERT_TRUE(pid->Signal(SIGKILL));
  EXPECT_TRUE(*pid->WaitExit(30'000));
}

}  // namespace
}  // namespace davit::shim
