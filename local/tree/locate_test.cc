// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/tree/locate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images/testing/scratch_dir.h"

namespace davit::local {
namespace {

class LocateTest : public ::testing::Test {
 protected:
  LocateTest() {
    mkdir((dir_ / "sub").c_str(), 0755);
    EXPECT_EQ(symlink("sub", (dir_ / "link").c_str()), 0);
    EXPECT_EQ(symlink("link/../sub/file", (dir_ / "to-file").c_str()), 0);
    EXPECT_EQ(symlink("loop", (dir_ / "loop").c_str()), 0);
    close(open((dir_ / "sub/file").c_str(), O_CREAT | O_WRONLY, 0644));
  }
  // The type of what is at the place.
  mode_t TypeAt(const std::string& path, LastLink last) {
    auto place = Locate(dir_ / path, last);
    struct stat status{};
    if (!place || fstatat(place->parent.get(), place->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
      return 0;
    return status.st_mode & S_IFMT;
  }
  int ErrnoOf(const std::string& path, LastLink last) {
    auto place = Locate(dir_ / path, last);
    return place ? 0 : place.error().os_errno;
  }

  images::ScratchDir dir_;
};

TEST_F(LocateTest, TheLastLinkIsFollowedOnRequest) {
  EXPECT_EQ(TypeAt("link", LastLink::kKeep), mode_t{S_IFLNK});
  EXPECT_EQ(TypeAt("link", LastLink::kFollow), mode_t{S_IFDIR});
  EXPECT_EQ(TypeAt("to-file", LastLink::kFollow), mode_t{S_IFREG});
  EXPECT_EQ(TypeAt("link/file", LastLink::kKeep), mode_t{S_IFREG});
  EXPECT_EQ(ErrnoOf("loop", LastLink::kFollow), ELOOP);
  EXPECT_EQ(ErrnoOf("loop", LastLink::kKeep), 0);
}

TEST_F(LocateTest, ASlashAtTheEndAsksForADirectory) {
  EXPECT_EQ(TypeAt("link/", LastLink::kKeep), mode_t{S_IFDIR});
  EXPECT_EQ(TypeAt("sub//", LastLink::kKeep), mode_t{S_IFDIR});
  EXPECT_EQ(TypeAt("sub/.", LastLink::kKeep), mode_t{S_IFDIR});
  EXPECT_EQ(ErrnoOf("sub/file/", LastLink::kKeep), ENOTDIR);
  EXPECT_EQ(ErrnoOf("to-file/", LastLink::kKeep), ENOTDIR);
  EXPECT_EQ(ErrnoOf("sub/none/x", LastLink::kKeep), ENOENT);
  EXPECT_EQ(ErrnoOf("sub/none", LastLink::kKeep), 0) << "only the last one is missing";
}

TEST_F(LocateTest, MagicLinksLeadNowhere) {
  EXPECT_EQ(Locate("/proc/self/root/etc", LastLink::kKeep).error().os_errno, ELOOP);
  auto last = Locate("/proc/self/cwd", LastLink::kFollow);
  ASSERT_TRUE(last) << "its text is a path, which may be followed";
}

TEST_F(LocateTest, NamesOfPaths) {
  EXPECT_EQ(LastName("/a/b/"), "b");
  EXPECT_EQ(LastName("b"), "b");
  EXPECT_EQ(LastName("/"), ".");
  EXPECT_EQ(LastName("/a/."), ".");
  EXPECT_EQ(LastName("/a/.."), ".");
}

}  // namespace
}  // namespace davit::local
