// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the tests of this folder.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file_io.h"
#include "base/unique_fd.h"

namespace davit::snapshotter {

// A temporary directory for one test, on a filesystem that can hold an overlay's upper layer. Mounts below it
// are visible only to this process, and disappear with it however it ends.
class ScratchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts, device nodes, trusted xattrs";
    static const bool kPrivate =
        unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!kPrivate) GTEST_SKIP() << "needs a mount namespace of its own (CAP_SYS_ADMIN)";
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-snapshotter-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    dir_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override {
    if (!path_.empty()) std::filesystem::remove_all(path_);
  }

  static void WriteTo(int dir_fd, const std::string& name, std::string_view data) {
    auto fd = OpenAt(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ASSERT_TRUE(fd) << fd.error().ToString();
    auto written = WriteAll(fd->get(), data, name);
    ASSERT_TRUE(written) << written.error().ToString();
  }
  static std::string ReadFrom(int dir_fd, const std::string& name) {
    auto data = ReadFileAt(dir_fd, name);
    return data ? *data : "(" + data.error().ToString() + ")";
  }
  static bool Exists(int dir_fd, const std::string& name) {
    return faccessat(dir_fd, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  }

  // Makes `depth` directories "d" inside each other and returns the last one.
  static UniqueFd MakeDeep(int dir_fd, int depth) {
    UniqueFd current(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; i < depth && current; ++i) {
      mkdirat(current.get(), "d", 0755);
      current = UniqueFd(openat(current.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return current;
  }

  std::string path_;
  UniqueFd dir_;
};

}  // namespace davit::snapshotter
