// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/file_io.h"
#include "cri/daemon/image_records.h"

namespace davit::cri {
namespace {

// On a snapshotter of its own.
class SnapshotLayerStoreTest : public ::testing::Test {
 protected:
  SnapshotLayerStoreTest() {
    char dir[] = "/tmp/davit-layer-store-XXXXXX";
    EXPECT_NE(mkdtemp(dir), nullptr);
    dir_ = dir;
    snapshotter_ = *snapshotter::Snapshotter::Open(dir_ + "/snapshots");
    layers_ = std::make_unique<SnapshotLayerStore>(*snapshotter_);
  }
  ~SnapshotLayerStoreTest() override {
    snapshotter_->WaitForDeletions();
    layers_.reset();
    snapshotter_.reset();
    std::filesystem::remove_all(dir_);
  }

  std::string dir_;
  const std::string layer_ = "sha256:" + std::string(64, 'a');
  std::unique_ptr<snapshotter::Snapshotter> snapshotter_;
  std::unique_ptr<SnapshotLayerStore> layers_;
};

bool Wanted() {
  return true;
}
bool Unwanted() {
  return false;
}

TEST_F(SnapshotLayerStoreTest, ACommitThatNobodyWantsEnds) {
  ASSERT_TRUE(layers_->Stage(layer_));
  auto committed = layers_->Commit(layer_, layer_, {}, Unwanted);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::kCancelled);
  EXPECT_FALSE(layers_->Has(layer_));
  layers_->Abandon(layer_);
  ASSERT_TRUE(layers_->Stage(layer_));
  ASSERT_TRUE(layers_->Commit(layer_, layer_, {}, Wanted));
  EXPECT_TRUE(layers_->Has(layer_));
}

TEST_F(SnapshotLayerStoreTest, AReplacementThatNobodyWantsLeavesTheOldLayer) {
  ASSERT_TRUE(layers_->Stage(layer_));
  ASSERT_TRUE(layers_->Commit(layer_, layer_, {}, Wanted));
  auto staged = layers_->StageReplacement(layer_);
  ASSERT_TRUE(staged);
  ASSERT_TRUE(OpenAt(staged->get(), "new", O_WRONLY | O_CREAT, 0600));
  auto replaced = layers_->Replace(layer_, layer_, {}, Unwanted);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, Code::kCancelled);
  layers_->Abandon(layer_);
  EXPECT_FALSE(OpenAt(layers_->Open(layer_)->get(), "new", O_RDONLY));
}

// As a repair does beside another one of the same layer.
TEST_F(SnapshotLayerStoreTest, AReplacementMayHaveAStagingOfItsOwn) {
  const std::string staging = "sha256:" + std::string(64, 'b');
  ASSERT_TRUE(layers_->Stage(layer_));
  ASSERT_TRUE(layers_->Commit(layer_, layer_, {}, Wanted));
  auto first = layers_->StageReplacement(layer_);
  auto second = layers_->Stage(staging);
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(OpenAt(second->get(), "new", O_WRONLY | O_CREAT, 0600));
  ASSERT_TRUE(layers_->Replace(staging, layer_, {}, Wanted));
  EXPECT_TRUE(OpenAt(layers_->Open(layer_)->get(), "new", O_RDONLY));
  ASSERT_TRUE(layers_->Replace(layer_, layer_, {}, Wanted)) << "the other one ends as well";
}

TEST_F(SnapshotLayerStoreTest, ACheckThatNobodyWantsEnds) {
  ASSERT_TRUE(layers_->Stage(layer_));
  ASSERT_TRUE(layers_->Commit(layer_, layer_, {}, Wanted));
  auto checked = layers_->Check(layer_, images::CheckDepth::kContents, Unwanted);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace davit::cri
