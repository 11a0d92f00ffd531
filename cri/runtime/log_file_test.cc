// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/log_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/file_io.h"

namespace davit::cri {
namespace {

class LogFile : public ::testing::Test {
 protected:
  LogFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-log-XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
  }
  ~LogFile() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST(ResolveLogPath, JoinsAndRefusesWhatLeavesTheDirectory) {
  EXPECT_EQ(*ResolveLogPath("/var/log/pods/p", "c/0.log"), "/var/log/pods/p/c/0.log");
  EXPECT_EQ(*ResolveLogPath("", "c/0.log"), "");
  EXPECT_EQ(*ResolveLogPath("/var/log", ""), "");
  for (const char* path : {"../x", "c/../../x", "/etc/passwd", "c/", ".."}) {
    auto refused = ResolveLogPath("/var/log", path);
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_NE(refused.error().ToString().find("log_path"), std::string::npos);
  }
}

TEST_F(LogFile, MakesDirectoriesAndAppends) {
  for (const char* text : {"one\n", "two\n"}) {
    auto named = OpenLog(dir_ + "/pod", "web/0.log");
    ASSERT_TRUE(named) << named.error().ToString();
    auto file = OpenAt(AT_FDCWD, "/proc/self/fd/" + std::to_string(named->get()), O_WRONLY | O_APPEND);
    ASSERT_TRUE(file) << file.error().ToString();
    ASSERT_TRUE(WriteAll(file->get(), text, "log"));
  }
  EXPECT_EQ(*ReadFile(dir_ + "/pod/web/0.log"), "one\ntwo\n");
}

TEST_F(LogFile, IsNamedAndNotOpened) {
  auto named = OpenLog(dir_, "0.log");
  ASSERT_TRUE(named) << named.error().ToString();
  EXPECT_NE(fcntl(named->get(), F_GETFL) & O_PATH, 0) << "an open file of a hung filesystem hangs its close";
}

TEST_F(LogFile, FollowsNoSymlinkBelowTheLogDirectory) {
  std::filesystem::create_directory(dir_ + "/pod");
  ASSERT_EQ(symlink("/etc", (dir_ + "/pod/web").c_str()), 0);
  EXPECT_FALSE(OpenLog(dir_ + "/pod", "web/davit-test.log"));
  EXPECT_FALSE(std::filesystem::exists("/etc/davit-test.log"));
  ASSERT_EQ(symlink("/etc/passwd", (dir_ + "/pod/0.log").c_str()), 0);
  EXPECT_FALSE(OpenLog(dir_ + "/pod", "0.log"));
}

TEST_F(LogFile, IsARegularFile) {
  ASSERT_EQ(mkfifo((dir_ + "/0.log").c_str(), 0600), 0);
  EXPECT_FALSE(OpenLog(dir_, "0.log"));
  UniqueFd reader = std::move(*OpenAt(AT_FDCWD, dir_ + "/0.log", O_RDONLY | O_NONBLOCK));
  EXPECT_FALSE(OpenLog(dir_, "0.log"));
}

}  // namespace
}  // namespace davit::cri
