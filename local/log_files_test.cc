// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/log_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <iterator>

#include "base/file_io.h"

namespace davit::local {
namespace {

namespace fs = std::filesystem;

// Writes as a shim does: into the file that it has, until it takes the one that it was given last.
class Writer {
 public:
  void Give(const std::string& path) {
    given_ = OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0640).value();
  }
  void Take() {
    if (given_) file_ = std::move(given_);
  }
  void Write(const std::string& text) { ASSERT_TRUE(WriteAll(file_.get(), text, "log")); }

 private:
  UniqueFd file_;
  UniqueFd given_;
};

struct Killed {};

class RotateLogTest : public ::testing::Test {
 protected:
  RotateLogTest() {
    std::string pattern = (fs::temp_directory_path() / "davit-log-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) abort();
    directory_ = pattern;
    path_ = directory_ + "/container.log";
    writer_.Give(path_);
    writer_.Take();
  }
  ~RotateLogTest() override { fs::remove_all(directory_); }

  using Reopen = std::function<Result<>()>;
  Result<bool> RotateWith(const Reopen& reopen, uint32_t files = 3) {
    return RotateLog(path_, {10, files}, reopen);
  }
  Result<bool> Rotate(uint32_t files = 3) {
    return RotateWith(
        [this] {
          writer_.Give(path_);
          writer_.Take();
          return Result<>();
        },
        files);
  }
  // The daemon is killed in the middle.
  void RotateUntilKilled(const std::function<void()>& last_steps) {
    auto reopen = [&]() -> Result<> {
      last_steps();
      throw Killed();
    };
    EXPECT_THROW((void)RotateWith(reopen), Killed);
  }
  std::string Text(const std::string& suffix = "") { return ReadFile(path_ + suffix).value_or("none"); }

  std::string directory_;
  std::string path_;
  Writer writer_;
};

TEST_F(RotateLogTest, KeepsAsManyFilesAsItMay) {
  writer_.Write("short");
  EXPECT_FALSE(Rotate().value());
  EXPECT_EQ(Text(), "short");
  for (const char* line : {" and the first line", "the second line", "the third line"}) {
    writer_.Write(line);
    EXPECT_TRUE(Rotate().value());
  }
  EXPECT_EQ(Text(), "");
  EXPECT_EQ(Text(".1"), "the third line");
  EXPECT_EQ(Text(".2"), "the second line");
  EXPECT_EQ(Text(".3"), "none");
  EXPECT_EQ(Text(".0"), "none");
}

TEST_F(RotateLogTest, OneFileIsReplaced) {
  writer_.Write("a line of more than ten");
  EXPECT_TRUE(Rotate(1).value());
  EXPECT_EQ(Text(), "");
  EXPECT_EQ(Text(".0"), "none");
  EXPECT_EQ(Text(".1"), "none");
}

TEST_F(RotateLogTest, AWriterThatCannotBeAskedLosesNothing) {
  for (const char* line : {"the first line", "the second line"}) {
    writer_.Write(line);
    EXPECT_TRUE(Rotate().value());
  }
  writer_.Write("the third line");
  auto fails = [this]() -> Result<> { return Fail(Code::kUnavailable, "reopen", path_); };
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(RotateWith(fails));
  EXPECT_EQ(Text(), "the third line") << "where the writer is";
  EXPECT_EQ(Text(".1"), "the second line");
  EXPECT_EQ(Text(".2"), "the first line");
  EXPECT_TRUE(Rotate().value());
  EXPECT_EQ(Text(".1"), "the third line");
  EXPECT_EQ(Text(".2"), "the second line");
}

// Its disk hangs: it takes the new file after the daemon has given up.
TEST_F(RotateLogTest, AWriterThatAnswersLateLosesNothing) {
  for (uint32_t files : {3u, 1u}) {
    fs::remove(path_ + ".1");
    writer_.Write("the first line");
    auto late = [this]() -> Result<> {
      writer_.Give(path_);
      return Fail(Code::kDeadlineExceeded, "reopen", path_);
    };
    EXPECT_FALSE(RotateWith(late, files));
    writer_.Write(" in flight");
    EXPECT_FALSE(RotateWith(late, files)) << "it hangs on";
    writer_.Take();
    writer_.Write("the second line");
    EXPECT_EQ(Text(), "the second line");
    EXPECT_EQ(Text(".0"), "the first line in flight");
    EXPECT_TRUE(Rotate(files).value());
    EXPECT_EQ(Text(), "the second line");
    EXPECT_EQ(Text(".1"), files == 1 ? "none" : "the first line in flight");
    EXPECT_TRUE(Rotate(files).value());
    EXPECT_EQ(Text(), "");
  }
}

TEST_F(RotateLogTest, GoesOnAfterADaemonThatWasKilled) {
  const std::function<void()> kills[] = {
      [] {},
      [this] { EXPECT_TRUE(MakeLog(path_)); },
      [this] { writer_.Give(path_); },
      [this] {
        writer_.Give(path_);
        writer_.Take();
      },
  };
  for (size_t i = 0; i < std::size(kills); ++i) {
    SCOPED_TRACE(i);
    writer_.Write("the first line");
    RotateUntilKilled(kills[i]);
    writer_.Write(" goes on");
    EXPECT_TRUE(Rotate().value());
    writer_.Write("the next line");
    EXPECT_TRUE(Rotate().value());
    bool had_switched = i == 3;
    EXPECT_EQ(Text(".1"), had_switched ? " goes onthe next line" : "the next line");
    EXPECT_EQ(Text(".2"), had_switched ? "the first line" : "the first line goes on");
    EXPECT_EQ(Text(), "");
    EXPECT_EQ(Text(".0"), "none");
  }
}

TEST_F(RotateLogTest, AMissingFileIsMadeAgain) {
  fs::rename(path_, path_ + ".1");
  EXPECT_TRUE(Rotate().value());
  writer_.Write("here");
  EXPECT_EQ(Text(), "here");
  fs::remove(path_);
  EXPECT_TRUE(Rotate().value());
  writer_.Write("again");
  EXPECT_EQ(Text(), "again");
}

TEST(LogBoundOf, IsTheSpecsOrTheDefault) {
  ::davit::v1::ContainerSpec spec;
  EXPECT_EQ(LogBoundOf(spec).bytes, 20 << 20);
  EXPECT_EQ(LogBoundOf(spec).files, 5u);
  spec.mutable_log()->set_max_bytes(4096);
  spec.mutable_log()->set_max_files(1);
  EXPECT_EQ(LogBoundOf(spec).bytes, 4096);
  EXPECT_EQ(LogBoundOf(spec).files, 1u);
}

}  // namespace
}  // namespace davit::local
