// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/tree_walk.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <functional>
#include <map>
#include <set>

#include "snapshotter/disk_usage.h"
#include "snapshotter/remove_tree.h"
#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Much deeper than the number of directories that a walk keeps open.
constexpr int kDeep = 500;

class TreeTest : public ScratchTest {
 protected:
  UniqueFd Reopen() { return UniqueFd(openat(dir_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
  DiskUsage Measure() {
    auto usage = MeasureTree(Reopen(), "scratch");
    EXPECT_TRUE(usage) << usage.error().ToString();
    return usage ? *usage : DiskUsage{};
  }
  Result<> Remove(const std::string& name) { return RemoveTree(dir_.get(), name, never_); }

  std::atomic<bool> never_ = false;
};

bool SetImmutable(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return false;
  flags |= FS_IMMUTABLE_FL;
  return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

// Lets at most `more` descriptors be opened beyond what is open now.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    UniqueFd next(open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit now{static_cast<rlim_t>(next.get()) + more, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

class Recorder : public TreeVisitor {
 public:
  WalkStep Visit(int dir_fd, const std::string& name, unsigned char type) override {
    ++visits_[name];
    if (on_visit) on_visit(dir_fd, name);
    if (name == stop_at) return WalkStep::kStop;
    return type == DT_DIR || name == "link" ? WalkStep::kDescend : WalkStep::kNext;
  }
  void Leave(int parent_fd, const std::string& name) override {
    left_.push_back(name);
    left_parents_intact_ = left_parents_intact_ && faccessat(parent_fd, name.c_str(), F_OK, 0) == 0;
  }
  void Failed(const Error& error) override { errors_.insert(error.os_errno); }

  std::function<void(int, const std::string&)> on_visit;
  std::string stop_at;
  std::map<std::string, int> visits_;
  std::vector<std::string> left_;
  std::set<int> errors_;
  bool left_parents_intact_ = true;
};

TEST_F(TreeTest, VisitsEveryEntryOnceHoweverDeep) {
  UniqueFd bottom = MakeDeep(dir_.get(), kDeep);
  WriteTo(bottom.get(), "bottom", "");
  bottom = MakeDeep(dir_.get(), kDeep / 2);
  for (int i = 0; i < 100; ++i) WriteTo(bottom.get(), "middle" + std::to_string(i), "");

  DescriptorLimit limit(40);
  Recorder recorder;
  EXPECT_TRUE(WalkTree(Reopen(), recorder));
  EXPECT_EQ(recorder.visits_["d"], kDeep);
  EXPECT_EQ(recorder.visits_["bottom"], 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(recorder.visits_["middle" + std::to_string(i)], 1) << i;
  EXPECT_EQ(recorder.left_.size(), static_cast<size_t>(kDeep));
  EXPECT_THAT(recorder.errors_, IsEmpty());
}

TEST_F(TreeTest, NeverLeavesThroughSymlinkOrMount) {
  ASSERT_EQ(symlinkat("/", dir_.get(), "link"), 0);
  ASSERT_EQ(mkdirat(dir_.get(), "mounted", 0755), 0);
  ASSERT_EQ(mount("tmpfs", (path_ + "/mounted").c_str(), "tmpfs", 0, nullptr), 0);
  WriteTo(dir_.get(), "mounted/inside", "");
  Recorder recorder;
  EXPECT_TRUE(WalkTree(Reopen(), recorder));
  EXPECT_EQ(recorder.visits_.size(), 2u);
  EXPECT_THAT(recorder.errors_, ElementsAre(EXDEV, ENOTDIR));
  umount2((path_ + "/mounted").c_str(), MNT_DETACH);
}

TEST_F(TreeTest, StopsWhenAsked) {
  MakeDeep(dir_.get(), 3);
  Recorder recorder;
  recorder.stop_at = "d";
  EXPECT_FALSE(WalkTree(Reopen(), recorder));
  EXPECT_EQ(recorder.visits_["d"], 1);
}

TEST_F(TreeTest, SurvivesThatTheDirectoryItIsInMovesElsewhere) {
  ASSERT_EQ(mkdirat(dir_.get(), "tree", 0755), 0);
  ASSERT_EQ(mkdirat(dir_.get(), "elsewhere", 0755), 0);
  UniqueFd tree(openat(dir_.get(), "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  UniqueFd parent = MakeDeep(tree.get(), 100);
  UniqueFd bottom = MakeDeep(parent.get(), 1);
  WriteTo(bottom.get(), "bottom", "");
  WriteTo(tree.get(), "top", "");

  Recorder recorder;
  recorder.on_visit = [&](int, const std::string& name) {
    if (name != "bottom") return;
    EXPECT_EQ(renameat(parent.get(), "d", dir_.get(), "elsewhere/d"), 0);
  };
  EXPECT_TRUE(WalkTree(std::move(tree), recorder));
  EXPECT_TRUE(Exists(dir_.get(), "elsewhere/d/bottom"));
  // Nothing was reported as left in a directory that it is not in, and the walk went on above.
  EXPECT_TRUE(recorder.left_parents_intact_);
  EXPECT_EQ(recorder.visits_["top"], 1);
}

TEST_F(TreeTest, CountsAllocatedBytesAndEachInodeOnce) {
  DiskUsage before = Measure();
  WriteTo(dir_.get(), "file", std::string(10000, 'x'));
  ASSERT_EQ(linkat(dir_.get(), "file", dir_.get(), "again", 0), 0);
  ASSERT_EQ(symlinkat("/etc", dir_.get(), "link"), 0);
  UniqueFd sparse(openat(dir_.get(), "sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(ftruncate(sparse.get(), off_t{1} << 40), 0);
  // Blocks are only known once they are allocated.
  syncfs(dir_.get());
  DiskUsage after = Measure();
  EXPECT_EQ(after.inodes - before.inodes, 3u);
  EXPECT_GE(after.bytes - before.bytes, 10000u);
  EXPECT_LT(after.bytes - before.bytes, 100000u);
}

TEST_F(TreeTest, CountsNothingOfAMount) {
  ASSERT_EQ(mkdirat(dir_.get(), "mounted", 0755), 0);
  DiskUsage before = Measure();
  // The same filesystem, so that only the mount tells them apart.
  ASSERT_EQ(mount("/etc", (path_ + "/mounted").c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_EQ(Measure().inodes, before.inodes - 1);
  umount2((path_ + "/mounted").c_str(), MNT_DETACH);
}

TEST_F(TreeTest, RemovesADeepTreeWithFewDescriptors) {
  UniqueFd bottom = MakeDeep(dir_.get(), kDeep);
  for (int i = 0; i < 1000; ++i) WriteTo(bottom.get(), std::to_string(i), "");
  DescriptorLimit limit(40);
  auto removed = Remove("d");
  EXPECT_TRUE(removed) << removed.error().ToString();
  EXPECT_FALSE(Exists(dir_.get(), "d"));
}

TEST_F(TreeTest, RemovesFilesOfEveryKindAndNoTargetOfASymlink) {
  WriteTo(dir_.get(), "keep", "kept");
  UniqueFd tree = MakeDeep(dir_.get(), 1);
  ASSERT_EQ(symlinkat("../keep", tree.get(), "link"), 0);
  ASSERT_EQ(symlinkat("..", tree.get(), "dirlink"), 0);
  ASSERT_EQ(mknodat(tree.get(), "fifo", S_IFIFO | 0600, 0), 0);
  ASSERT_EQ(mknodat(tree.get(), "whiteout", S_IFCHR, 0), 0);
  ASSERT_TRUE(Remove("d"));
  EXPECT_FALSE(Exists(dir_.get(), "d"));
  EXPECT_EQ(ReadFrom(dir_.get(), "keep"), "kept");
  EXPECT_TRUE(Remove("keep"));
  EXPECT_TRUE(Remove("absent"));
}

TEST_F(TreeTest, RemovesImmutableFilesAndDirectories) {
  UniqueFd tree = MakeDeep(dir_.get(), 2);
  WriteTo(tree.get(), "file", "");
  UniqueFd file(openat(tree.get(), "file", O_RDONLY | O_CLOEXEC));
  if (!SetImmutable(file.get()) || !SetImmutable(tree.get())) {
    GTEST_SKIP() << "needs immutable files (chattr +i): the filesystem or the capabilities lack them";
  }
  ASSERT_NE(unlinkat(tree.get(), "file", 0), 0);
  auto removed = Remove("d");
  EXPECT_TRUE(removed) << removed.error().ToString();
}

TEST_F(TreeTest, RemovesAllButAMountAndReportsIt) {
  UniqueFd tree = MakeDeep(dir_.get(), 2);
  ASSERT_TRUE(tree);
  ASSERT_EQ(mkdirat(tree.get(), "mounted", 0755), 0);
  std::string target = path_ + "/d/d/mounted";
  ASSERT_EQ(mount("tmpfs", target.c_str(), "tmpfs", 0, nullptr), 0);
  WriteTo(tree.get(), "mounted/inside", "precious");
  WriteTo(tree.get(), "beside", "");
  auto removed = Remove("d");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().os_errno, EBUSY);
  EXPECT_EQ(ReadFrom(tree.get(), "mounted/inside"), "precious");
  EXPECT_FALSE(Exists(tree.get(), "beside"));
  ASSERT_EQ(umount2(target.c_str(), MNT_DETACH), 0);
  EXPECT_TRUE(Remove("d"));
}

TEST_F(TreeTest, ARemovalStops) {
  WriteTo(MakeDeep(dir_.get(), 1).get(), "file", "");
  std::atomic<bool> stop = true;
  EXPECT_EQ(RemoveTree(dir_.get(), "d", stop).error().code, Code::kCancelled);
  EXPECT_TRUE(Exists(dir_.get(), "d/file"));
}

}  // namespace
}  // namespace davit::snapshotter
