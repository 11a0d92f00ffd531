// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "base/directory.h"
#include "base/file_io.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/small_disk.h"
#include "snapshotter/remove_tree.h"

namespace davit::local {
namespace {

namespace fs = std::filesystem;

bool never() {
  return false;
}

class TreeCopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it gives files to others";
    for (const char* name : {"from", "to", "links"}) fs::create_directory(root_ / name);
  }

  // Deep trees are too deep for std::filesystem.
  void TearDown() override {
    const std::atomic<bool> never_stop = false;
    for (const char* name : {"from", "to"})
      EXPECT_TRUE(snapshotter::RemoveTree(root_.fd(), name, never_stop));
  }

  Result<> Copy(const std::function<bool()>& stop = never) {
    UniqueFd to = OpenDirectory(root_.fd(), "to").value();
    UniqueFd links = OpenDirectory(root_.fd(), "links").value();
    return CopyTree(OpenDirectory(root_.fd(), "from").value(), to.get(), links.get(), stop);
  }
  void Write(const std::string& path, const std::string& text) { std::ofstream(root_ / path) << text; }
  struct stat StatusOf(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(lstat((root_ / path).c_str(), &status), 0) << path;
    return status;
  }
  std::string XattrOf(const std::string& path, const char* name) {
    char value[64];
    ssize_t size = getxattr((root_ / path).c_str(), name, value, sizeof value);
    return size < 0 ? "none" : std::string(value, static_cast<size_t>(size));
  }

  images::ScratchDir root_;
};

TEST_F(TreeCopyTest, FilesKeepWhatBelongsToThem) {
  fs::create_directory(root_ / "from/dir");
  Write("from/dir/file", "text");
  ASSERT_EQ(chown((root_ / "from/dir/file").c_str(), 7, 8), 0);
  ASSERT_EQ(chmod((root_ / "from/dir/file").c_str(), 04755), 0);
  ASSERT_EQ(setxattr((root_ / "from/dir/file").c_str(), "user.k", "v", 1, 0), 0);
  ASSERT_EQ(setxattr((root_ / "from/dir/file").c_str(), "trusted.overlay.redirect", "/x", 2, 0), 0);
  const char capability[20] = {1, 0, 0, 2, 0, 4};
  ASSERT_EQ(setxattr((root_ / "from/dir/file").c_str(), "security.capability", capability, 20, 0), 0);
  ASSERT_EQ(mkfifo((root_ / "from/fifo").c_str(), 0640), 0);
  ASSERT_EQ(mknod((root_ / "from/null").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  timespec times[2] = {{1000, 5}, {2000, 6}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "from/dir/file").c_str(), times, 0), 0);
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "from/dir").c_str(), times, 0), 0);
  ASSERT_EQ(chown((root_ / "from").c_str(), 9, 10), 0);
  ASSERT_EQ(chmod((root_ / "from").c_str(), 01777), 0);
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "from").c_str(), times, 0), 0);

  Result<> copied = Copy();
  ASSERT_TRUE(copied) << copied.error().ToString();
  EXPECT_EQ(ReadFile(root_ / "to/dir/file").value(), "text");
  struct stat file = StatusOf("to/dir/file");
  EXPECT_EQ(file.st_uid, 7u);
  EXPECT_EQ(file.st_gid, 8u);
  EXPECT_EQ(file.st_mode, static_cast<mode_t>(S_IFREG | 04755));
  EXPECT_EQ(file.st_mtim.tv_sec, 2000);
  EXPECT_EQ(file.st_mtim.tv_nsec, 6);
  EXPECT_EQ(XattrOf("to/dir/file", "user.k"), "v");
  EXPECT_EQ(XattrOf("to/dir/file", "security.capability"), std::string(capability, 20));
  EXPECT_EQ(XattrOf("to/dir/file", "trusted.overlay.redirect"), "none");
  EXPECT_EQ(StatusOf("to/fifo").st_mode, static_cast<mode_t>(S_IFIFO | 0640));
  EXPECT_EQ(StatusOf("to/null").st_rdev, makedev(1, 3));
  EXPECT_EQ(StatusOf("to/dir").st_mtim.tv_sec, 2000);
  EXPECT_EQ(StatusOf("to").st_uid, 9u);
  EXPECT_EQ(StatusOf("to").st_mode, static_cast<mode_t>(S_IFDIR | 01777));
  EXPECT_EQ(StatusOf("to").st_mtim.tv_sec, 2000);
}

TEST_F(TreeCopyTest, SymbolicLinksAreCopiedAndNeverFollowed) {
  fs::create_directory(root_ / "outside");
  Write("outside/secret", "secret");
  fs::create_symlink(root_ / "outside", root_ / "from/directory");
  fs::create_symlink("../outside/secret", root_ / "from/file");
  fs::create_symlink("file", root_ / "from/self");
  ASSERT_TRUE(Copy());
  EXPECT_EQ(fs::read_symlink(root_ / "to/directory"), root_ / "outside");
  EXPECT_EQ(fs::read_symlink(root_ / "to/file"), "../outside/secret");
  EXPECT_EQ(fs::read_symlink(root_ / "to/self"), "file");
}

TEST_F(TreeCopyTest, NamesOfOneFileStayOne) {
  fs::create_directory(root_ / "from/deep");
  Write("from/a", "text");
  fs::create_hard_link(root_ / "from/a", root_ / "from/deep/b");
  fs::create_symlink("x", root_ / "from/link");
  ASSERT_EQ(linkat(AT_FDCWD, (root_ / "from/link").c_str(), AT_FDCWD, (root_ / "from/link2").c_str(), 0), 0);
  ASSERT_TRUE(Copy());
  EXPECT_EQ(StatusOf("to/a").st_ino, StatusOf("to/deep/b").st_ino);
  EXPECT_EQ(StatusOf("to/link").st_ino, StatusOf("to/link2").st_ino);
}

TEST_F(TreeCopyTest, HolesStayHoles) {
  Write("from/sparse", "begin");
  ASSERT_EQ(truncate((root_ / "from/sparse").c_str(), 64 << 20), 0);
  std::fstream(root_ / "from/sparse", std::ios::in | std::ios::out).seekp(32 << 20) << "middle";
  ASSERT_TRUE(Copy());
  EXPECT_EQ(StatusOf("to/sparse").st_size, 64 << 20);
  EXPECT_LT(StatusOf("to/sparse").st_blocks * 512, 8 << 20);
  std::string text(6, '\0');
  std::ifstream(root_ / "to/sparse").seekg(32 << 20).read(text.data(), 6);
  EXPECT_EQ(text, "middle");
}

// Deeper than a path can tell, and than the walk keeps directories open.
TEST_F(TreeCopyTest, AnyDepthIsCopied) {
  constexpr int kDepth = 3000;
  UniqueFd at = OpenDirectory(root_.fd(), "from").value();
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_TRUE(MakeDirectory(at.get(), "d", 0755));
    at = OpenDirectory(at.get(), "d").value();
  }
  ASSERT_TRUE(OpenAt(at.get(), "bottom", O_WRONLY | O_CREAT, 0600));
  Result<> copied = Copy();
  ASSERT_TRUE(copied) << copied.error().ToString();
  at = OpenDirectory(root_.fd(), "to").value();
  for (int i = 0; i < kDepth; ++i) at = OpenDirectory(at.get(), "d").value();
  EXPECT_TRUE(OpenAt(at.get(), "bottom", O_RDONLY));
}

TEST_F(TreeCopyTest, EndsWhenNobodyWantsItAnyMore) {
  for (int i = 0; i < 100; ++i) Write("from/" + std::to_string(i), "text");
  Write("from/large", std::string(8 << 20, 'x'));
  int asked = 0;
  Result<> copied = Copy([&asked] { return ++asked > 50; });
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Code::kCancelled);
  EXPECT_EQ(asked, 51) << "at once";
}

class TreeCopyOnSmallDisk : public images::SmallDisk {
 protected:
  Result<> Copy(const images::ScratchDir& from) {
    EXPECT_TRUE(MakeDirectory(root(), "to", 0700));
    EXPECT_TRUE(MakeDirectory(root(), "links", 0700));
    return CopyTree(OpenDirectory(from.fd(), ".").value(), OpenDirectory(root(), "to")->get(),
                    OpenDirectory(root(), "links")->get(), never);
  }
};

TEST_F(TreeCopyOnSmallDisk, LeavesRoomWhenFilesAreTooLarge) {
  images::ScratchDir from;
  for (int i = 0; i < 20; ++i) std::ofstream(from / std::to_string(i)) << std::string(1 << 20, 'x');
  Result<> copied = Copy(from);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Code::kResourceExhausted);
  EXPECT_EQ(copied.error().os_errno, ENOSPC);
  EXPECT_GT(Now().f_bavail, 0u);
}

TEST_F(TreeCopyOnSmallDisk, LeavesRoomWhenFilesAreTooMany) {
  images::ScratchDir from;
  for (int i = 0; i < 1100; ++i) std::ofstream(from / std::to_string(i)).flush();
  Result<> copied = Copy(from);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Code::kResourceExhausted);
  EXPECT_GT(Now().f_ffree, 0u);
}

}  // namespace
}  // namespace davit::local
