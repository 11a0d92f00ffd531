// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_fixup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "images/lower_layers.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/small_disk.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class FixUp : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: it makes whiteouts and trusted.* attributes";
    char probe = 'y';
    if (setxattr(root_.path().c_str(), "trusted.overlay.opaque", &probe, 1, 0) < 0) {
      GTEST_SKIP() << "the temporary directory's filesystem has no trusted.* attributes";
    }
    removexattr(root_.path().c_str(), "trusted.overlay.opaque");
    for (const char* layer : {"top", "mid", "low", "base"}) fs::create_directory(root_ / layer);
  }

  void Dir(const std::string& path, mode_t mode) {
    fs::create_directories(root_ / path);
    ASSERT_EQ(chmod((root_ / path).c_str(), mode), 0);
  }
  void File(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void Whiteout(const std::string& path) {
    fs::create_directories(fs::path(root_ / path).parent_path());
    ASSERT_EQ(mknod((root_ / path).c_str(), S_IFCHR, makedev(0, 0)), 0);
  }
  void Opaque(const std::string& path) {
    fs::create_directories(root_ / path);
    ASSERT_EQ(setxattr((root_ / path).c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  }
  bool IsOpaque(const std::string& path) {
    char value = 0;
    return getxattr((root_ / path).c_str(), "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
  }
  mode_t Mode(const std::string& path) {
    struct stat status{};
    lstat((root_ / path).c_str(), &status);
    return status.st_mode & 07777;
  }
  ino_t Inode(const std::string& path) {
    struct stat status{};
    lstat((root_ / path).c_str(), &status);
    return status.st_ino;
  }
  std::vector<UniqueFd> Lowers() {
    std::vector<UniqueFd> lowers;
    for (const std::string& layer : lowers_)
      lowers.emplace_back(open((root_ / layer).c_str(), O_PATH | O_CLOEXEC));
    return lowers;
  }
  Result<> Fix(const LayerNotes& given, FixUpBudget& budget) {
    UniqueFd top(open((root_ / "top").c_str(), O_PATH | O_CLOEXEC));
    LayerNotes notes = given;
    TRY(FixUpLayer(top.get(), notes, Lowers(), budget));
    checksums_ = std::move(notes.checksums);
    return {};
  }
  Result<> Fix(const LayerNotes& notes) {
    FixUpBudget budget(wanted_);
    return Fix(notes, budget);
  }
  // Directories `depth` deep in every one of `layers` layers and in the one above them; returns their paths.
  std::vector<std::string> DeepTree(int layers, int depth) {
    lowers_.clear();
    for (int i = 0; i < layers; ++i) lowers_.push_back("deep" + std::to_string(i));
    std::vector<std::string> paths = {""};
    for (int i = 0; i < depth; ++i) paths.push_back(paths.back() + (i > 0 ? "/d" : "d"));
    for (const std::string& layer : lowers_) Dir(layer + "/" + paths.back(), 0711);
    Dir("top/" + paths.back(), 0755);
    return paths;
  }

  std::vector<std::string> lowers_ = {"base", "low", "mid"};  // lowest first
  Interrupt wanted_{[] { return true; }};
  ScratchDir root_;
  std::vector<FileChecksum> checksums_;  // of the last fix-up
};

TEST_F(FixUp, ImplicitDirectoriesGetTheMetadataThatTheyHaveBelow) {
  Dir("low/a", 0711);
  Dir("low/a/b", 01777);
  ASSERT_EQ(chown((root_ / "low/a/b").c_str(), 7, 8), 0);
  ASSERT_EQ(setxattr((root_ / "low/a/b").c_str(), "user.k", "v", 1, 0), 0);
  timespec times[2] = {{5, 6}, {7, 8}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "low/a/b").c_str(), times, 0), 0);
  Dir("mid/a", 0700);
  Dir("top/a/b/c", 0755);
  LayerNotes notes;
  notes.implicit_dirs = {"", "a", "a/b", "a/b/c"};
  ASSERT_TRUE(Fix(notes));
  EXPECT_EQ(Mode("top/a"), 0700u);
  EXPECT_EQ(Mode("top/a/b"), 01777u);
  EXPECT_EQ(Mode("top/a/b/c"), 0755u);
  struct stat status;
  ASSERT_EQ(stat((root_ / "top/a/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 7u);
  EXPECT_EQ(status.st_mtim.tv_sec, 7);
  EXPECT_EQ(status.st_mtim.tv_nsec, 8);
  char value;
  EXPECT_EQ(getxattr((root_ / "top/a/b").c_str(), "user.k", &value, 1), 1);
}

TEST_F(FixUp, WhatIsHiddenBelowGivesNoMetadata) {
  for (const char* name : {"white", "parent/white", "opaque/x", "file/x", "symlink/x"})
    Dir(std::string("low/") + name, 0711);
  Whiteout("mid/white");
  Whiteout("mid/parent/white");
  Opaque("mid/opaque");
  File("mid/file", "");
  fs::create_symlink("parent", root_ / "mid/symlink");
  LayerNotes notes;
  notes.implicit_dirs = {"white", "parent/white", "opaque/x", "file/x", "symlink/x"};
  for (const std::string& name : notes.implicit_dirs) Dir("top/" + name, 0755);
  ASSERT_TRUE(Fix(notes));
  for (const std::string& name : notes.implicit_dirs) EXPECT_EQ(Mode("top/" + name), 0755u) << name;
}

TEST_F(FixUp, AnOpaqueDirectoryEndsTheSearchInWhicheverLayerItIs) {
  for (const char* name : {"a/b/c/in-base", "e/f/in-base"}) Dir(std::string("base/") + name, 0711);
  Dir("low/a/b/c", 0711);
  Opaque("low/a");
  Dir("low/e", 0711);
  Dir("mid/a/b", 0711);
  Dir("mid/e/f", 0711);
  LayerNotes notes;
  notes.implicit_dirs = {"a/b/c/in-base", "e/f/in-base"};
  for (const std::string& name : notes.implicit_dirs) Dir("top/" + name, 0755);
  ASSERT_TRUE(Fix(notes));
  EXPECT_EQ(Mode("top/a/b/c/in-base"), 0755u) << "hidden by low/a";
  EXPECT_EQ(Mode("top/e/f/in-base"), 0711u);
}

TEST_F(FixUp, WhatThisLayerMakesOpaqueGetsNothingFromBelow) {
  Dir("low/d/sub/deep", 0711);
  ASSERT_EQ(chmod((root_ / "low/d").c_str(), 0711), 0);
  Dir("top/d/sub/deep", 0755);
  LayerNotes notes;
  notes.implicit_dirs = {"d", "d/sub", "d/sub/deep"};
  notes.opaque_dirs = {"d"};
  ASSERT_TRUE(Fix(notes));
  EXPECT_EQ(Mode("top/d"), 0711u) << "the directory itself is the one below";
  EXPECT_EQ(Mode("top/d/sub"), 0755u);
  EXPECT_EQ(Mode("top/d/sub/deep"), 0755u);
}

TEST_F(FixUp, TakesTwoStepsForADirectoryHoweverDeepAndHoweverManyLayers) {
  LayerNotes notes;
  notes.implicit_dirs = DeepTree(/*layers=*/4, /*depth=*/30);
  FixUpBudget enough(wanted_, 2 * notes.implicit_dirs.size());
  auto fixed = Fix(notes, enough);
  EXPECT_TRUE(fixed) << fixed.error().ToString();
  EXPECT_EQ(Mode("top/" + notes.implicit_dirs.back()), 0711u);
}

TEST_F(FixUp, LooksUpWhatNoLayerHasOnceInEachLayer) {
  LayerNotes notes;
  notes.implicit_dirs = DeepTree(/*layers=*/4, /*depth=*/30);
  for (const char* name : {"/new", "/new/in", "/new/in/it"}) {
    notes.implicit_dirs.push_back(notes.implicit_dirs[30] + name);
    Dir("top/" + notes.implicit_dirs.back(), 0755);
  }
  uint64_t from_each_root = 4 * (30 + 1);  // for "/new"; nothing is below a directory that no layer has
  FixUpBudget enough(wanted_, 2 * notes.implicit_dirs.size() + from_each_root);
  auto fixed = Fix(notes, enough);
  EXPECT_TRUE(fixed) << fixed.error().ToString();
}

TEST_F(FixUp, EndsWhenItsBudgetIsUsedUp) {
  LayerNotes notes;
  notes.implicit_dirs = DeepTree(/*layers=*/1, /*depth=*/100);
  FixUpBudget small(wanted_, 100);
  auto fixed = Fix(notes, small);
  ASSERT_FALSE(fixed);
  EXPECT_EQ(fixed.error().code, Code::kResourceExhausted);
  FixUpBudget earned(wanted_, 100);
  earned.AddLayer(/*entries=*/10);
  EXPECT_TRUE(Fix(notes, earned)) << "entries of the layer add to the budget";
}

TEST_F(FixUp, DirectoriesWithoutEntriesAreFew) {
  LayerNotes notes;
  notes.implicit_dirs = DeepTree(/*layers=*/1, /*depth=*/399);
  FixUpBudget budget(wanted_);
  for (int layer = 0; layer < 5; ++layer) {
    budget.AddLayer(/*entries=*/0);
    ASSERT_TRUE(Fix(notes, budget)) << layer;
  }
  EXPECT_EQ(Fix(notes, budget).error().code, Code::kResourceExhausted);
  budget.AddLayer(/*entries=*/25);
  EXPECT_TRUE(Fix(notes, budget)) << "16 for an entry";
}

TEST_F(FixUp, EndsWhenThePullIsNoLongerWanted) {
  LayerNotes notes;
  notes.implicit_dirs = DeepTree(/*layers=*/1, /*depth=*/100);
  Interrupt cancelled([] { return false; });
  FixUpBudget budget(cancelled);
  EXPECT_EQ(Fix(notes, budget).error().code, Code::kCancelled);
  EXPECT_EQ(Mode("top/" + notes.implicit_dirs.back()), 0755u);
}

TEST_F(FixUp, ACopyEndsWhenThePullIsNoLongerWanted) {
  File("low/data", "hello");
  LayerNotes notes;
  notes.pending_links = {{"link", "data"}};
  Interrupt cancelled([] { return false; });
  FixUpBudget budget(cancelled);
  EXPECT_EQ(Fix(notes, budget).error().code, Code::kCancelled);
}

TEST_F(FixUp, OpaqueDirectoriesAreMarkedAndTheMarkIsNotInherited) {
  Opaque("mid/d");
  ASSERT_EQ(chmod((root_ / "mid/d").c_str(), 0711), 0);
  Dir("top/d", 0755);
  Dir("top/e", 0755);
  LayerNotes notes;
  notes.implicit_dirs = {"d"};
  notes.opaque_dirs = {"e"};
  ASSERT_TRUE(Fix(notes));
  EXPECT_EQ(Mode("top/d"), 0711u);
  EXPECT_FALSE(IsOpaque("top/d"));
  EXPECT_TRUE(IsOpaque("top/e"));
}

TEST_F(FixUp, AnOpaqueRootHidesEveryName) {
  File("low/f", "");
  Dir("low/d", 0755);
  File("low/was-hidden", "");
  Whiteout("mid/was-hidden");
  File("mid/m", "");
  Dir("top/d", 0755);
  File("top/m", "own");
  LayerNotes notes;
  notes.opaque_dirs = {""};
  ASSERT_TRUE(Fix(notes));
  struct stat status;
  ASSERT_EQ(lstat((root_ / "top/f").c_str(), &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0));
  EXPECT_TRUE(IsOpaque("top/d"));
  EXPECT_EQ(lstat((root_ / "top/was-hidden").c_str(), &status), -1);
  ASSERT_EQ(lstat((root_ / "top/m").c_str(), &status), 0);
  EXPECT_TRUE(S_ISREG(status.st_mode));
}

TEST_F(FixUp, LinksToLayersBelowBecomeOneCopy) {
  File("low/data", "hello");
  ASSERT_EQ(chmod((root_ / "low/data").c_str(), 04755), 0);
  ASSERT_EQ(truncate((root_ / "low/data").c_str(), 1 << 30), 0);
  fs::create_symlink("/etc/passwd", root_ / "low/link");
  Dir("top/d", 0755);
  timespec times[2] = {{1, 0}, {2, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "top/d").c_str(), times, 0), 0);
  LayerNotes notes;
  notes.pending_links = {{"one", "data"}, {"d/two", "data"}, {"copy-of-link", "link"}};
  auto fixed = Fix(notes);
  ASSERT_TRUE(fixed) << fixed.error().ToString();
  EXPECT_EQ(Inode("top/one"), Inode("top/d/two"));
  EXPECT_EQ(Mode("top/one"), 04755u);
  struct stat status;
  ASSERT_EQ(stat((root_ / "top/one").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 1 << 30);
  EXPECT_LT(status.st_blocks, 1000) << "the hole was filled";
  EXPECT_EQ(fs::read_symlink(root_ / "top/copy-of-link"), "/etc/passwd");
  ASSERT_EQ(stat((root_ / "top/d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 2);
}

TEST_F(FixUp, CopiesHaveChecksums) {
  File("low/data", "hello");
  File("low/sparse", "");
  ASSERT_EQ(truncate((root_ / "low/sparse").c_str(), 1 << 30), 0);
  Dir("top", 0755);
  LayerNotes notes;
  notes.pending_links = {{"one", "data"}, {"two", "data"}, {"hole", "sparse"}};
  auto fixed = Fix(notes);
  ASSERT_TRUE(fixed) << fixed.error().ToString();
  Checksum checksum;
  checksum.Update("hello");
  EXPECT_EQ(checksums_, std::vector<FileChecksum>({{Inode("top/one"), checksum.value()}}));
}

TEST_F(FixUp, ALinkToNothingIsTheImagesFault) {
  File("low/hidden", "");
  Whiteout("mid/hidden");
  Dir("low/dir", 0755);
  for (const char* target : {"missing", "hidden", "dir", "a/b/c"}) {
    LayerNotes notes;
    notes.pending_links = {{"link", target}};
    auto fixed = Fix(notes);
    ASSERT_FALSE(fixed) << target;
    EXPECT_EQ(fixed.error().code, Code::kInvalidArgument);
  }
}

TEST_F(SmallDisk, CopiesForHardLinksLeaveBytesInReserve) {
  for (const char* layer : {"low", "top"}) ASSERT_EQ(mkdirat(root(), layer, 0755), 0);
  UniqueFd big(openat(root(), "low/big", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  std::string content(6 << 20, 'x');
  ASSERT_EQ(write(big.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  ASSERT_EQ(linkat(root(), "low/big", root(), "low/same", 0), 0);
  std::vector<UniqueFd> lowers;
  lowers.emplace_back(openat(root(), "low", O_PATH | O_CLOEXEC));
  UniqueFd top(openat(root(), "top", O_PATH | O_CLOEXEC));
  Interrupt wanted([] { return true; });
  FixUpBudget budget(wanted);
  LayerNotes notes;
  notes.pending_links = {{"one", "big"}, {"two", "same"}};
  auto full = FixUpLayer(top.get(), notes, lowers, budget);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kResourceExhausted);
  EXPECT_THAT(full.error().ToString(), HasSubstr("kept in reserve"));
  EXPECT_EQ(full.error().os_errno, ENOSPC);
  EXPECT_GT(Now().f_bavail, Now().f_blocks / 50 / 2);
}

TEST_F(FixUp, ManyNamesInTheRootAreRefused) {
  for (size_t i = 0; i <= LowerLayers::kMostRootNames; ++i)
    ASSERT_EQ(mknodat(root_.fd(), ("low/" + std::to_string(i)).c_str(), S_IFREG | 0644, 0), 0);
  LayerNotes notes;
  notes.opaque_dirs = {""};
  FixUpBudget enough(wanted_, 10 * LowerLayers::kMostRootNames);
  auto refused = Fix(notes, enough);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
}

// The notes come from a process that has read hostile input; they are not believed.
TEST_F(FixUp, NoPathOfTheReportLeavesTheLayer) {
  ScratchDir canary;
  std::ofstream(canary / "file") << "secret";
  fs::create_symlink(canary.path(), root_ / "top/out");
  fs::create_symlink(canary.path(), root_ / "low/out");
  std::string up = "../../../../../../.." + canary.path();
  std::vector<LayerNotes> all;
  for (const std::string& dir : {std::string("out"), up, canary.path()}) {
    LayerNotes notes;
    notes.implicit_dirs = {dir};
    all.push_back(notes);
    notes = {};
    notes.opaque_dirs = {dir};
    all.push_back(notes);
    notes = {};
    notes.pending_links = {{dir + "/evil", "file"}};
    all.push_back(notes);
    notes.pending_links = {{"stolen", dir + "/file"}};
    all.push_back(notes);
  }
  File("low/file", "x");
  for (const LayerNotes& notes : all) (void)Fix(notes);
  EXPECT_FALSE(fs::exists(canary / "evil"));
  EXPECT_FALSE(fs::exists(root_ / "top/stolen"));
  char value;
  EXPECT_EQ(getxattr(canary.path().c_str(), "trusted.overlay.opaque", &value, 1), -1);
  EXPECT_EQ(fs::status(canary.path()).permissions(), fs::perms::owner_all);
}

}  // namespace
}  // namespace davit::images
