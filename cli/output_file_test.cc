// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/output_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "cli/testing/test_support.h"

namespace davit::cli {
namespace {

class OutputFileTest : public ::testing::Test {
 protected:
  std::string Content() const { return ReadFile(path_).value_or("missing"); }
  size_t Files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(dir_.path()), {}));
  }

  TempDir dir_;
  const std::string path_ = dir_.path() + "/file";
};

TEST_F(OutputFileTest, AppearsWhenItIsComplete) {
  std::ofstream(path_) << "old";
  {
    auto file = OutputFile::Create(path_);
    ASSERT_TRUE(file) << file.error().ToString();
    ASSERT_TRUE(file->Write("new"));
    EXPECT_EQ(Content(), "old");
    ASSERT_TRUE(file->Commit());
    EXPECT_EQ(Content(), "new");
  }
  EXPECT_EQ(Files(), 1u);
  struct stat status;
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
}

TEST_F(OutputFileTest, WithoutCommitNothingIsLeft) {
  {
    auto file = OutputFile::Create(path_);
    ASSERT_TRUE(file && file->Write("new"));
  }
  EXPECT_EQ(Files(), 0u);
}

TEST_F(OutputFileTest, ASymlinkStays) {
  std::ofstream(path_) << "old";
  std::filesystem::create_symlink("file", dir_.path() + "/link");
  auto file = OutputFile::Create(dir_.path() + "/link");
  ASSERT_TRUE(file && file->Write("new") && file->Commit());
  EXPECT_TRUE(std::filesystem::is_symlink(dir_.path() + "/link"));
  EXPECT_EQ(Content(), "new");
}

TEST_F(OutputFileTest, ADeviceIsWrittenTo) {
  auto full = OutputFile::Create("/dev/full");
  ASSERT_TRUE(full) << full.error().ToString();
  auto written = full->Write("x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kResourceExhausted);
  EXPECT_EQ(OutputFile::Create("/dev").error().os_errno, EISDIR);
}

TEST_F(OutputFileTest, ADirectoryThatIsMissingIsNamed) {
  auto file = OutputFile::Create(dir_.path() + "/none/file");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().ToString(), ::testing::HasSubstr("none/file"));
}

}  // namespace
}  // namespace davit::cli
