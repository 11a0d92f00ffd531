// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/inventory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <filesystem>
#include <functional>
#include <string>

#include "base/file_io.h"
#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kContent[] = "content";

class InventoryTest : public ScratchTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ScratchTest::SetUp());
    if (IsSkipped()) return;
    tree_ = path_ + "/tree";
    file_ = path_ + "/inventory";
    fs::create_directories(tree_ + "/usr/bin");
    fs::create_directories(tree_ + "/empty");
    Write("usr/bin/sh", kContent);
    Write("usr/empty-file", "");
    Write("usr/other", kContent);
    fs::create_hard_link(tree_ + "/usr/bin/sh", tree_ + "/usr/bin/linked");
    fs::create_symlink("sh", tree_ + "/usr/bin/ash");
    ASSERT_EQ(mknod((tree_ + "/whiteout").c_str(), S_IFCHR, makedev(0, 0)), 0);
    ASSERT_EQ(setxattr((tree_ + "/usr").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  }
  std::string At(const std::string& path) const { return tree_ + "/" + path; }
  void Write(const std::string& path, const std::string& content) {
    UniqueFd fd = *OpenAt(AT_FDCWD, At(path), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ASSERT_TRUE(WriteAll(fd.get(), content, path));
  }
  FileChecksum ChecksumOf(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(stat(At(path).c_str(), &status), 0);
    Checksum checksum;
    checksum.Update(ReadFile(At(path)).value_or(""));
    return {status.st_ino, checksum.value()};
  }
  Result<DiskUsage> TryToTake(std::vector<FileChecksum> checksums) {
    UniqueFd file = *OpenAt(AT_FDCWD, file_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    UniqueFd tree = *OpenAt(AT_FDCWD, tree_, O_RDONLY | O_DIRECTORY);
    return TakeInventory(std::move(tree), file.get(), std::move(checksums), "layer", wanted_);
  }
  DiskUsage Take(std::vector<FileChecksum> checksums) {
    auto usage = TryToTake(std::move(checksums));
    EXPECT_TRUE(usage) << usage.error().ToString();
    return *usage;
  }
  Result<LayerCheck> Check(CheckDepth depth = CheckDepth::kContents) {
    UniqueFd file = *OpenAt(AT_FDCWD, file_, O_RDONLY);
    UniqueFd tree = *OpenAt(AT_FDCWD, tree_, O_PATH | O_DIRECTORY);
    return CheckInventory(tree.get(), file.get(), depth, wanted_);
  }
  // Keeps the times of a file and of its directory, as damage by hardware does.
  void KeepTimes(const std::string& path, const std::function<void()>& change) {
    struct stat file{};
    struct stat parent{};
    std::string parent_path = fs::path(At(path)).parent_path();
    ASSERT_EQ(lstat(At(path).c_str(), &file), 0);
    ASSERT_EQ(stat(parent_path.c_str(), &parent), 0);
    change();
    timespec file_times[2] = {file.st_atim, file.st_mtim};
    utimensat(AT_FDCWD, At(path).c_str(), file_times, AT_SYMLINK_NOFOLLOW);
    timespec parent_times[2] = {parent.st_atim, parent.st_mtim};
    ASSERT_EQ(utimensat(AT_FDCWD, parent_path.c_str(), parent_times, 0), 0);
  }

  std::string tree_;
  std::string file_;
  std::function<bool()> wanted_ = [] { return true; };
};

TEST_F(InventoryTest, AnUnchangedTreeIsWhole) {
  DiskUsage usage = Take({ChecksumOf("usr/bin/sh")});
  EXPECT_EQ(usage.inodes, 9u) << "the hard link is no inode of its own";
  auto check = Check();
  ASSERT_TRUE(check) << check.error().ToString();
  EXPECT_THAT(check->examples, IsEmpty());
  EXPECT_EQ(check->problems, 0u);
  EXPECT_EQ(check->entries, 10u);
  EXPECT_EQ(check->bytes, 2 * std::string(kContent).size()) << "read once per name";
}

TEST_F(InventoryTest, ReadsContentOnlyOnRequest) {
  Take({ChecksumOf("usr/bin/sh")});
  EXPECT_EQ(Check(CheckDepth::kEntries)->bytes, 0u);
  KeepTimes("usr/bin/sh", [this] { Write("usr/bin/sh", "cOntent"); });
  EXPECT_EQ(Check(CheckDepth::kEntries)->problems, 0u);
  EXPECT_EQ(Check(CheckDepth::kContents)->problems, 2u) << "under both of its names";
}

struct Change {
  const char* name;
  const char* path;
  std::function<void(const std::string& path)> make;
  const char* problem;
};

class EachChange : public InventoryTest, public ::testing::WithParamInterface<Change> {};

INSTANTIATE_TEST_SUITE_P(
    , EachChange,
    ::testing::Values(
        Change{"AnEmptiedFile", "usr/other", [](auto& path) { truncate(path.c_str(), 0); },
               "has 0 bytes instead of 7"},
        Change{"AMissingFile", "usr/empty-file", [](auto& path) { fs::remove(path); }, "is missing"},
        Change{"AMissingDirectory", "usr/bin", [](auto& path) { fs::remove_all(path); }, "is missing"},
        Change{"AFileForADirectory", "empty",
               [](auto& path) {
                 fs::remove(path);
                 close(creat(path.c_str(), 0755));
               },
               "is a file instead of a directory"},
        Change{"AnotherMode", "usr", [](auto& path) { chmod(path.c_str(), 0700); }, "has another mode"},
        Change{"AnotherOwner", "usr/bin/ash", [](auto& path) { lchown(path.c_str(), 7, 0); },
               "has another owner"},
        Change{"AnotherTarget", "usr/bin/ash",
               [](auto& path) {
                 fs::remove(path);
                 fs::create_symlink("no", path);
               },
               "has another target"},
        Change{"AnotherDevice", "whiteout",
               [](auto& path) {
                 fs::remove(path);
                 mknod(path.c_str(), S_IFCHR, makedev(1, 3));
               },
               "is another device"},
        Change{"NoAttribute", "usr", [](auto& path) { removexattr(path.c_str(), "trusted.overlay.opaque"); },
               "has other extended attributes"}),
    [](const auto& change) { return change.param.name; });

TEST_P(EachChange, IsFoundWithoutReadingContent) {
  Take({});
  const Change& change = GetParam();
  KeepTimes(change.path, [&] { change.make(At(change.path)); });
  auto check = Check(CheckDepth::kEntries);
  ASSERT_TRUE(check) << check.error().ToString();
  ASSERT_GE(check->problems, 1u);
  EXPECT_EQ(check->examples[0].substr(0, check->examples[0].find(": ") + 2 + strlen(change.problem)),
            std::string(change.path) + ": " + change.problem);
}

TEST_F(InventoryTest, AnotherTimeAndAnAddedFileAreFound) {
  Take({});
  timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, At("usr/empty-file").c_str(), times, 0), 0);
  EXPECT_THAT(Check()->examples, ElementsAre("usr/empty-file: has another modification time"));
  KeepTimes("empty", [this] { Write("empty/new", ""); });
  EXPECT_THAT(Check()->examples, Contains("empty: has entries that the image does not have"));
}

TEST_F(InventoryTest, TheLastChecksumOfAnInodeCounts) {
  FileChecksum right = ChecksumOf("usr/bin/sh");
  constexpr uint64_t kNoFiles = ~uint64_t{0};
  Take({{right.inode, 1}, right, {kNoFiles, 2}});
  EXPECT_EQ(Check()->problems, 0u);
  Take({right, {right.inode, 1}});
  EXPECT_EQ(Check()->problems, 2u);
}

TEST_F(InventoryTest, NamesTheFirstProblemsAndCountsAll) {
  for (int i = 0; i < 100; ++i) Write("empty/" + std::to_string(i), "x");
  Take({});
  fs::remove_all(At("empty"));
  auto check = Check();
  EXPECT_GE(check->problems, 1u);
  fs::create_directory(At("empty"));
  check = Check();
  EXPECT_GE(check->problems, 100u);
  EXPECT_THAT(check->examples, SizeIs(10));
}

// Deeper than the descriptors that a walk keeps open.
TEST_F(InventoryTest, DepthAndWidthAreNoObstacle) {
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "d/";
    fs::create_directories(At(deep));
    Write(deep + "before", "x");
    Write(deep + "z", "x");
  }
  Take({});
  EXPECT_EQ(Check()->problems, 0u);
  KeepTimes(deep + "z", [&] { truncate(At(deep + "z").c_str(), 0); });
  EXPECT_THAT(Check()->examples, ElementsAre(deep + "z: has 0 bytes instead of 1"));
}

TEST_F(InventoryTest, ADamagedInventoryIsNotBelieved) {
  Take({ChecksumOf("usr/bin/sh")});
  std::string whole = *ReadFile(file_);
  auto replace = [this](const std::string& with) {
    UniqueFd fd = *OpenAt(AT_FDCWD, file_, O_WRONLY | O_TRUNC);
    ASSERT_TRUE(WriteAll(fd.get(), with, "inventory"));
  };
  for (size_t size = 0; size < whole.size(); ++size) {
    replace(whole.substr(0, size));
    EXPECT_EQ(Check().error().code, Code::kDataLoss) << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    replace(changed);
    auto check = Check();
    EXPECT_TRUE(!check && check.error().code == Code::kDataLoss) << at;
  }
}

TEST_F(InventoryTest, EndsWhenItIsNotWanted) {
  Take({});
  int asked = 0;
  wanted_ = [&asked] { return ++asked < 3; };
  EXPECT_EQ(Check().error().code, Code::kCancelled);
}

TEST_F(InventoryTest, IsNotTakenToItsEndIfNobodyWantsIt) {
  for (int i = 0; i < 1000; ++i) Write("empty/" + std::to_string(i), "");
  int asked = 0;
  wanted_ = [&asked] { return ++asked < 3; };
  auto taken = TryToTake({});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::kCancelled);
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace davit::snapshotter
