// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/log_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"

namespace davit::local {
namespace {

namespace fs = std::filesystem;

class RotateLogTest : public ::testing::Test {
 protected:
  RotateLogTest() {
    std::string pattern = (fs::temp_directory_path() / "davit-log-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) abort();
    directory_ = pattern;
    path_ = directory_ + "/container.log";
  }
  ~RotateLogTest() override { fs::remove_all(directory_); }

  // As a container writes it.
  void Write(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
  Result<bool> Rotate(uint32_t files) {
    return RotateLog(path_, {10, files}, [this] {
      if (writer_answers_) Write("");
      return writer_answers_ ? Result<>() : Result<>(Fail(Code::kUnavailable, "reopen", path_));
    });
  }
  std::string Text(const std::string& suffix = "") { return ReadFile(path_ + suffix).value_or("none"); }

  std::string directory_;
  std::string path_;
  bool writer_answers_ = true;
};

TEST_F(RotateLogTest, KeepsAsManyFilesAsItMay) {
  EXPECT_FALSE(Rotate(3).value()) << "there is none yet";
  Write("short");
  EXPECT_FALSE(Rotate(3).value());
  EXPECT_EQ(Text(), "short");
  for (const char* line : {"the first line", "the second line", "the third line"}) {
    fs::remove(path_);
    Write(line);
    EXPECT_TRUE(Rotate(3).value());
  }
  EXPECT_EQ(Text(), "");
  EXPECT_EQ(Text(".1"), "the third line");
  EXPECT_EQ(Text(".2"), "the second line");
  EXPECT_EQ(Text(".3"), "none");
}

TEST_F(RotateLogTest, OneFileIsReplaced) {
  Write("a line of more than ten");
  EXPECT_TRUE(Rotate(1).value());
  EXPECT_EQ(Text(), "");
  EXPECT_EQ(Text(".1"), "none");
}

TEST_F(RotateLogTest, AWriterThatDoesNotAnswerLosesNothingMore) {
  for (const char* line : {"the first line", "the second line"}) {
    fs::remove(path_);
    Write(line);
    EXPECT_TRUE(Rotate(3).value());
  }
  fs::remove(path_);
  Write("the third line");
  writer_answers_ = false;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Rotate(3));
  EXPECT_EQ(Text(), "the third line") << "where the writer is";
  EXPECT_EQ(Text(".2"), "the second line");
  writer_answers_ = true;
  EXPECT_TRUE(Rotate(3).value());
  EXPECT_EQ(Text(".1"), "the third line");
  EXPECT_EQ(Text(".2"), "the second line");
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
