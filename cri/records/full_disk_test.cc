// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the records still do when the disk has not one byte or inode left.

#include <gmock/gmock.h>

#include "base/testing/small_disk.h"
#include "cri/records/testing/records_fixture.h"

namespace davit::cri {
namespace {

using testing::Contains;
using testing::IsEmpty;

constexpr int kPods = 40;

std::string Pod(int i) {
  return "pod" + std::to_string(i);
}

class FullDiskTest : public RecordsTest, public testing::WithParamInterface<DiskKind> {
 protected:
  // On a disk of its own.
  template <typename Body>
  void Run(Body body) {
    if (!OnSmallDisk(GetParam(), dir_, /*megabytes=*/32, body))
      GTEST_SKIP() << "needs CAP_SYS_ADMIN and " << NameOf(GetParam()) << " on a loop device";
  }
  void PutPods(int bytes) {
    for (int i = 0; i < kPods; ++i) {
      ASSERT_TRUE(records_->PutSandbox({Pod(i), std::string(static_cast<size_t>(bytes), 'x')}));
      ASSERT_TRUE(
          records_->PutContainer({"c" + Pod(i), Pod(i), std::string(static_cast<size_t>(bytes), 'y')}));
    }
    ASSERT_TRUE(records_->PutImageDurably({"image", std::string(100'000, 'z')}));
  }
  // As the daemon does: phases change several times, with a reason that was not there, then the rows go.
  void TakeAllDown(size_t bytes) {
    for (int i = 0; i < kPods; ++i) {
      for (size_t phase = 1; phase <= 4; ++phase) {
        std::string blob(bytes + 100 * phase, 'w');
        Result<> sandbox = records_->PutSandbox({Pod(i), blob});
        ASSERT_TRUE(sandbox) << Pod(i) << ": " << sandbox.error().ToString();
        Result<> container = records_->PutContainer({"c" + Pod(i), Pod(i), blob});
        ASSERT_TRUE(container) << Pod(i) << ": " << container.error().ToString();
      }
    }
    for (int i = 0; i < kPods; ++i) {
      Result<> container = records_->DeleteContainer("c" + Pod(i));
      ASSERT_TRUE(container) << container.error().ToString();
      Result<> sandbox = records_->DeleteSandbox(Pod(i));
      ASSERT_TRUE(sandbox) << sandbox.error().ToString();
    }
    Result<> image = records_->DeleteImageDurably("image");
    ASSERT_TRUE(image) << image.error().ToString();
    EXPECT_THAT(*records_->Sandboxes(), IsEmpty());
    EXPECT_THAT(*records_->Containers(), IsEmpty());
    EXPECT_THAT(*records_->Images(), IsEmpty());
  }
  Result<> PutUntilRefused() {
    Result<> put;
    for (int i = 0; i < 10'000 && put; ++i)
      put = records_->PutSandbox({"more" + std::to_string(i), std::string(20'000, 'x')});
    return put;
  }
};

INSTANTIATE_TEST_SUITE_P(Disks, FullDiskTest, testing::Values(DiskKind::kTmpfs, DiskKind::kExt4),
                         [](const auto& disk) { return NameOf(disk.param); });

TEST_P(FullDiskTest, EveryRowCanBeChangedAndDeleted) {
  Run([this] {
    Open();
    PutPods(10'000);
    FillDisk(dir_);
    FillInodes(dir_);
    TakeAllDown(10'000);
  });
}

TEST_P(FullDiskTest, LargeRowsCanBeChangedAndDeleted) {
  Run([this] {
    Open();
    PutPods(100'000);
    ASSERT_TRUE(records_->PutSandbox({"large", std::string(2'000'000, 'x')}));
    FillDisk(dir_);
    for (int i = 0; i < 10; ++i)
      ASSERT_TRUE(records_->PutSandbox({"large", std::string(2'000'010 + 20 * static_cast<size_t>(i), 'y')}));
    EXPECT_TRUE(records_->DeleteSandbox("large"));
    TakeAllDown(100'000);
  });
}

TEST_P(FullDiskTest, NewRowsAreRefusedBeforeTheyTakeTheRoomOfOthers) {
  Run([this] {
    Open();
    PutPods(10'000);
    FillDisk(dir_);
    Result<> put = PutUntilRefused();
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, Code::kResourceExhausted) << put.error().ToString();
    std::vector<SandboxRow> rows = *records_->Sandboxes();
    for (const SandboxRow& row : rows) {
      if (!row.id.starts_with("more")) continue;
      ASSERT_TRUE(records_->PutSandbox({row.id, row.blob + "stopped"}));
      ASSERT_TRUE(records_->DeleteSandbox(row.id));
    }
    TakeAllDown(10'000);
  });
}

TEST_P(FullDiskTest, TheNextDaemonDeletesTheRows) {
  Run([this] {
    Open();
    PutPods(10'000);
    records_.reset();
    FillDisk(dir_);
    FillInodes(dir_);
    Open();
    ASSERT_TRUE(records_);
    TakeAllDown(10'000);
  });
}

TEST_P(FullDiskTest, RowsAreAddedAgainWhenThereIsSpace) {
  Run([this] {
    Open();
    PutPods(1000);
    FillDisk(dir_);
    ASSERT_FALSE(PutUntilRefused());
    std::filesystem::remove(dir_ + "/ballast");
    EXPECT_TRUE(records_->PutSandbox({"after", std::string(100'000, 'x')}));
    EXPECT_THAT(*records_->Sandboxes(), Contains(SandboxRow{"after", std::string(100'000, 'x')}));
  });
}

}  // namespace
}  // namespace davit::cri
