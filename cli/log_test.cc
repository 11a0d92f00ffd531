// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "cli/log_line.h"
#include "cli/log_printer.h"
#include "cli/log_tail.h"
#include "cli/testing/test_support.h"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kTime[] = "2026-01-02T03:04:05.123456789Z";

TEST(LogLineTest, HasTimeStreamAndText) {
  auto line = ParseLogLine("2026-01-02T03:04:05.123456789Z stderr F no such file");
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(line->time, kTime);
  EXPECT_EQ(line->stream, LogStream::kStderr);
  EXPECT_FALSE(line->partial);
  EXPECT_EQ(line->text, "no such file");
}

TEST(LogLineTest, KeepsSpacesOfTheText) {
  EXPECT_EQ(ParseLogLine("2026-01-02T03:04:05.123456789Z stdout F  a  b ")->text, " a  b ");
}

TEST(LogLineTest, MayBeEmpty) {
  EXPECT_EQ(ParseLogLine("2026-01-02T03:04:05.123456789Z stdout F ")->text, "");
}

TEST(LogLineTest, IsPartialByItsFirstTag) {
  EXPECT_TRUE(ParseLogLine("2026-01-02T03:04:05.123456789Z stdout P half")->partial);
  EXPECT_TRUE(ParseLogLine("2026-01-02T03:04:05.123456789Z stdout P:more half")->partial);
  EXPECT_FALSE(ParseLogLine("2026-01-02T03:04:05.123456789Z stdout F:P whole")->partial);
}

TEST(LogLineTest, IsNothingInAnotherForm) {
  for (const char* text :
       {"", "hello", "2026-01-02T03:04:05.123456789Z stdin F x", "x stdout F y",
        "2026-01-02T03:04:05.123456789Z stdout Q y", "2026-01-02T03:04:05.123456789Z stdout F"}) {
    EXPECT_FALSE(ParseLogLine(text).has_value()) << text;
  }
}

class LogPrinterTest : public ::testing::Test {
 protected:
  CapturedConsole console_;
  LogPrinter printer_{console_.console()};

  void Add(const std::string& rest) { ASSERT_TRUE(printer_.Add(std::string(kTime) + " " + rest)); }
};

TEST_F(LogPrinterTest, SeparatesTheStreams) {
  Add("stdout F one");
  Add("stderr F two");
  Add("stdout F three");
  ASSERT_TRUE(printer_.Flush());
  EXPECT_EQ(console_.Out(), "one\nthree\n");
  EXPECT_EQ(console_.Err(), "two\n");
}

TEST_F(LogPrinterTest, JoinsPartialLines) {
  Add("stdout P one");
  Add("stdout P  two");
  Add("stdout F  three");
  ASSERT_TRUE(printer_.Flush());
  EXPECT_EQ(console_.Out(), "one two three\n");
}

TEST_F(LogPrinterTest, AddsNoNewlineToALastLineThatHasNone) {
  Add("stdout F one");
  Add("stdout P two");
  ASSERT_TRUE(printer_.Flush());
  EXPECT_EQ(console_.Out(), "one\ntwo");
}

TEST_F(LogPrinterTest, PassesWhatItCannotReadToStderr) {
  ASSERT_TRUE(printer_.Add("half of a li"));
  ASSERT_TRUE(printer_.Flush());
  EXPECT_EQ(console_.Err(), "half of a li\n");
}

class LogTailTest : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_.path() + "/web.log";

  void Append(const std::string& text, const std::string& suffix = "") const {
    std::ofstream(path_ + suffix, std::ios::app) << text;
  }
  // As a rotation begins: all files move on, those beyond `files` out.
  void Rotate(int files = 9) const {
    auto numbered = [this](int number) { return path_ + (number == 0 ? "" : "." + std::to_string(number)); };
    for (int number = files - 1; number > 0; --number)
      if (fs::exists(numbered(number - 1))) fs::rename(numbered(number - 1), numbered(number));
  }
  // As the daemon removes it.
  void RemoveLog() const {
    fs::remove(path_);
    fs::remove_all(dir_.path());
  }

  static Result<> DrainInto(std::vector<std::string>& lines, LogTail& tail) {
    return tail.Drain([&lines](std::string_view line) -> Result<> {
      lines.emplace_back(line);
      return {};
    });
  }
  static std::vector<std::string> Drain(LogTail& tail) {
    std::vector<std::string> lines;
    Result<> drained = DrainInto(lines, tail);
    EXPECT_TRUE(drained) << drained.error().ToString();
    return lines;
  }
  // Of a log with a gap: the lines before it.
  static std::vector<std::string> DrainToGap(LogTail& tail) {
    std::vector<std::string> lines;
    Result<> drained = DrainInto(lines, tail);
    EXPECT_FALSE(drained) << "there is no gap";
    if (!drained) {
      EXPECT_EQ(drained.error().code, Code::kDataLoss) << drained.error().ToString();
    }
    return lines;
  }

  static bool Readable(int fd) {
    pollfd wait{fd, POLLIN, 0};
    return poll(&wait, 1, 0) == 1;
  }
};

TEST_F(LogTailTest, GivesEachLineOnce) {
  Append("one\ntwo\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one", "two"));
  EXPECT_THAT(Drain(tail), IsEmpty());
  Append("three\n");
  EXPECT_THAT(Drain(tail), ElementsAre("three"));
}

TEST_F(LogTailTest, WaitsForTheEndOfALine) {
  Append("one\ntw");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  Append("o\n");
  EXPECT_THAT(Drain(tail), ElementsAre("two"));
}

TEST_F(LogTailTest, GivesLongLinesWhole) {
  std::string line(200'000, 'x');
  Append(line + "\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre(line));
}

TEST_F(LogTailTest, MayBeginBeforeTheFile) {
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), IsEmpty());
  Append("one\n");
  EXPECT_TRUE(Readable(tail.fd()));
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
}

TEST_F(LogTailTest, FinishesARotatedFileBeforeTheNew) {
  Append("one\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  Append("two\n");
  fs::rename(path_, path_ + ".1");
  Append("three\n");
  EXPECT_THAT(Drain(tail), ElementsAre("two", "three"));
}

TEST_F(LogTailTest, MissesNoneOfManyRotations) {
  Append("one\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  for (const char* line : {"two\n", "three\n", "four\n"}) {
    Append(line);
    Rotate();
  }
  Append("five\n");
  EXPECT_THAT(Drain(tail), ElementsAre("two", "three", "four", "five"));
}

// The new file is there before its writer takes it.
TEST_F(LogTailTest, StaysWithAFileUntilItsWriterHasLeftIt) {
  Append("one\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  fs::rename(path_, path_ + ".0");
  Append("two\n", ".0");
  Append("");
  EXPECT_THAT(Drain(tail), ElementsAre("two"));
  Append("three\n", ".0");
  EXPECT_THAT(Drain(tail), ElementsAre("three"));
  Append("four\n", ".0");
  Append("five\n");
  EXPECT_THAT(Drain(tail), ElementsAre("four", "five"));
  fs::rename(path_ + ".0", path_ + ".1");
  Append("six\n");
  EXPECT_THAT(Drain(tail), ElementsAre("six"));
}

TEST_F(LogTailTest, SaysThatOutputWasLostAndGoesOnBehindTheGap) {
  Append("one\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  for (const char* line : {"two\n", "three\n", "four\n", "five\n"}) {
    Append(line);
    Rotate(3);
  }
  Append("six\n");
  EXPECT_THAT(DrainToGap(tail), ElementsAre("two"));
  EXPECT_THAT(Drain(tail), ElementsAre("four", "five", "six"));
}

TEST_F(LogTailTest, SaysThatTheEndWasRemovedUnread) {
  Append("one\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  Append("two\n");
  Rotate();
  Append("three\n");
  RemoveLog();
  EXPECT_THAT(DrainToGap(tail), ElementsAre("two"));
  EXPECT_THAT(Drain(tail), IsEmpty());
}

TEST_F(LogTailTest, ReadsWhatIsRemovedToItsEnd) {
  Append("one\n");
  Rotate();
  Append("two\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one", "two"));
  Append("three\n");
  fs::remove(path_);
  EXPECT_THAT(Drain(tail), ElementsAre("three")) << "the rest is not removed yet";
  RemoveLog();
  EXPECT_THAT(Drain(tail), IsEmpty());
}

TEST_F(LogTailTest, FollowsTheRotationOfTheKubelet) {
  Append("old\n", ".20260101-000000");
  Append("one\n");
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one"));
  Append("two\n");
  fs::rename(path_, path_ + ".20260102-030405");
  Append("three\n");
  fs::rename(path_, path_ + ".20260102-030415");
  Append("four\n");
  EXPECT_THAT(Drain(tail), ElementsAre("two", "three", "four"));
  for (const char* suffix : {".20260101-000000", ".20260102-030405", ".20260102-030415"})
    fs::remove(path_ + suffix);
  fs::rename(path_, path_ + ".20260102-030425.gz");
  Append("five\n");
  EXPECT_THAT(DrainToGap(tail), IsEmpty());
}

// A pod may have mounted the directory.
TEST_F(LogTailTest, RefusesLinksAndWhatIsNoFile) {
  std::string secret = dir_.path() + "/secret";
  std::ofstream(secret) << "secret\n";
  for (const char* suffix : {"", ".1"}) {
    Append("one\n");
    fs::remove(path_ + suffix);
    fs::create_symlink(secret, path_ + suffix);
    LogTail of_link = LogTail::Watch(path_).value();
    std::vector<std::string> lines;
    EXPECT_FALSE(DrainInto(lines, of_link));
    EXPECT_THAT(lines, IsEmpty());
    fs::remove(path_ + suffix);
    ASSERT_EQ(mkfifo((path_ + suffix).c_str(), 0600), 0);
    LogTail of_fifo = LogTail::Watch(path_).value();
    EXPECT_FALSE(DrainInto(lines, of_fifo));
    EXPECT_THAT(lines, IsEmpty());
    fs::remove(path_ + suffix);
  }
}

TEST_F(LogTailTest, BeginsWithTheOldestOfTheRotatedFiles) {
  for (const char* line : {"one\n", "two\n", "three\n"}) {
    if (fs::exists(path_ + ".1")) fs::rename(path_ + ".1", path_ + ".2");
    if (fs::exists(path_)) fs::rename(path_, path_ + ".1");
    Append(line);
  }
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_THAT(Drain(tail), ElementsAre("one", "two", "three"));
  Append("four\n");
  EXPECT_THAT(Drain(tail), ElementsAre("four"));
}

TEST_F(LogTailTest, TellsThatAWriterHasClosed) {
  LogTail tail = LogTail::Watch(path_).value();
  UniqueFd writer = OpenAt(AT_FDCWD, path_, O_WRONLY | O_CREAT | O_APPEND, 0600).value();
  ASSERT_TRUE(WriteAll(writer.get(), "one\n", path_));
  EXPECT_TRUE(Readable(tail.fd()));
  EXPECT_FALSE(tail.TakeEvents().value());
  EXPECT_FALSE(Readable(tail.fd()));
  writer.Reset();
  EXPECT_TRUE(tail.TakeEvents().value());
}

TEST_F(LogTailTest, DoesNotTakeOtherFilesForItsOwn) {
  LogTail tail = LogTail::Watch(path_).value();
  std::ofstream(dir_.path() + "/other.log") << "x\n";
  EXPECT_FALSE(tail.TakeEvents().value());
}

TEST_F(LogTailTest, RefusesWhatHasNoLines) {
  Append(std::string(2 << 20, 'x'));
  LogTail tail = LogTail::Watch(path_).value();
  EXPECT_EQ(tail.Drain([](std::string_view) -> Result<> { return {}; }).error().code, Code::kInvalidArgument);
}

TEST_F(LogTailTest, NamesADirectoryThatIsMissing) {
  auto tail = LogTail::Watch(dir_.path() + "/none/web.log");
  ASSERT_FALSE(tail);
  EXPECT_EQ(tail.error().subject, dir_.path() + "/none");
}

}  // namespace
}  // namespace davit::cli
