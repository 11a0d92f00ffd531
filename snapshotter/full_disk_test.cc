// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Removal when the disk has not one byte or inode left.

#include <gmock/gmock.h>
#include <sys/statvfs.h>

#include "base/directory.h"
#include "base/testing/small_disk.h"
#include "snapshotter/snapshotter.h"
#include "snapshotter/testing/scratch.h"

namespace davit::snapshotter {
namespace {

using ::testing::IsEmpty;

constexpr char kLayer[] = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
constexpr char kContainer[] = "2222222222222222222222222222222222222222222222222222222222222222";

class FullDisk : public ScratchTest, public ::testing::WithParamInterface<DiskKind> {
 protected:
  template <typename Body>
  void Run(Body body) {
    if (!OnSmallDisk(GetParam(), path_, /*megabytes=*/16, body))
      GTEST_SKIP() << "needs " << NameOf(GetParam()) << " on a loop device";
  }
  uint64_t FreeBytes() const {
    struct statvfs disk{};
    return statvfs(path_.c_str(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : 0;
  }
  static UniqueFd OpenDir(const std::string& path) {
    return UniqueFd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
};

INSTANTIATE_TEST_SUITE_P(Disks, FullDisk, ::testing::Values(DiskKind::kTmpfs, DiskKind::kExt4),
                         [](const auto& disk) { return NameOf(disk.param); });

TEST_P(FullDisk, AContainerThatFilledItAndALayerAreRemoved) {
  Run([this] {
    auto snapshotter = Snapshotter::Open(path_ + "/snapshots");
    ASSERT_TRUE(snapshotter) << snapshotter.error().ToString();
    auto layer = (*snapshotter)->StageLayer(kLayer);
    ASSERT_TRUE(layer) << layer.error().ToString();
    WriteTo(layer->get(), "file", std::string(1 << 20, 'x'));
    ASSERT_TRUE((*snapshotter)->CommitLayer(kLayer));
    ASSERT_TRUE((*snapshotter)->Prepare(kContainer, {kLayer}));
    std::string upper = path_ + "/snapshots/containers/" + kContainer + "/upper";
    uint64_t free = FreeBytes();
    FillDisk(upper);
    FillInodes(upper);
    ASSERT_EQ(FreeBytes(), 0U);
    Result<> container = (*snapshotter)->RemoveContainer(kContainer);
    EXPECT_TRUE(container) << container.error().ToString();
    Result<> removed = (*snapshotter)->RemoveLayer(kLayer);
    EXPECT_TRUE(removed) << removed.error().ToString();
    (*snapshotter)->WaitForDeletions();
    EXPECT_THAT((*snapshotter)->DeletionProblems(), IsEmpty());
    EXPECT_GE(FreeBytes(), free);
  });
}

// The trash's directory has no block with a free entry left, and there is none for another block.
TEST_P(FullDisk, ATrashWithoutRoomForAnEntryDeletesInPlace) {
  Run([this] {
    UniqueFd disk = OpenDir(path_);
    MakeDeep(disk.get(), 3);
    Trash trash([&disk] { return OpenPrivateDirectory(disk.get(), "trash"); });
    trash.Resume();
    trash.WaitIdle();
    FillDisk(path_);
    UniqueFd entries = OpenDir(path_ + "/trash");
    for (int i = 0; linkat(disk.get(), "ballast", entries.get(), std::to_string(i).c_str(), 0) == 0; ++i) {
    }
    Result<> taken = trash.Take(disk.get(), "d");
    EXPECT_TRUE(taken) << taken.error().ToString();
    EXPECT_FALSE(Exists(disk.get(), "d"));
  });
}

}  // namespace
}  // namespace davit::snapshotter
