// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What every snapshotter promises on layers. contract_test.cc instantiates the suite.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <set>
#include <string>

#include "base/directory.h"
#include "base/time.h"
#include "snapshotter/testing/contract_fixture.h"

namespace davit::snapshotter {
namespace {

using ::testing::IsEmpty;

TEST_P(SnapshotterContract, ALayerIsSeenFromItsCommitOn) {
  auto staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  WriteTo(staged->get(), "file", "content");
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_EQ(snapshotter_->OpenLayer(ChainId(1)).error().code, Code::kNotFound);
  ASSERT_TRUE(snapshotter_->CommitLayer(ChainId(1)));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
  auto layer = snapshotter_->OpenLayer(ChainId(1));
  ASSERT_TRUE(layer) << layer.error().ToString();
  EXPECT_EQ(ReadFrom(layer->get(), "file"), "content");
  Reopen();
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, AStagedDirectoryHasItsModeWhateverTheUmask) {
  mode_t before = umask(077);
  auto staged = snapshotter_->StageLayer(ChainId(1));
  umask(before);
  ASSERT_TRUE(staged) << staged.error().ToString();
  struct stat stat{};
  ASSERT_EQ(fstat(staged->get(), &stat), 0);
  EXPECT_EQ(stat.st_mode & 07777, 0755u);
}

TEST_P(SnapshotterContract, OneStagerAtATime) {
  ASSERT_TRUE(snapshotter_->StageLayer(ChainId(1)));
  EXPECT_EQ(snapshotter_->StageLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(snapshotter_->StageLayer(ChainId(2)));
  snapshotter_->AbandonLayer(ChainId(1));
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(snapshotter_->StageLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, OnlyAStagedLayerCanBeCommittedAndOnlyOnce) {
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  AddLayer(1);
  EXPECT_EQ(snapshotter_->CommitLayer(ChainId(1)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(snapshotter_->StageLayer(ChainId(1)).error().code, Code::kAlreadyExists);
  snapshotter_->AbandonLayer(ChainId(1));
  EXPECT_TRUE(snapshotter_->HasLayer(ChainId(1)));
}

TEST_P(SnapshotterContract, WhatACrashLeftInStagingIsReplaced) {
  auto staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  WriteTo(staged->get(), "half", "");
  Reopen();
  staged = snapshotter_->StageLayer(ChainId(1));
  ASSERT_TRUE(staged) << staged.error().ToString();
  EXPECT_THAT(ListDirectory(staged->get()).value(), IsEmpty());
}

TEST_P(SnapshotterContract, LayerUsageIsRecordedAndRepaired) {
  AddLayer(1, {{"a", std::string(10000, 'x')}, {"b", ""}});
  DiskUsage usage = snapshotter_->LayerUsage(ChainId(1)).value();
  EXPECT_EQ(usage.inodes, 3u);
  std::string record = "root/layers/" + ChainId(1).substr(7) + "/usage";
  EXPECT_EQ(ReadFrom(dir_.get(), record), std::to_string(usage.bytes) + " 3\n");
  for (const char* damaged : {"", "12", "12 ", "12 3", "12 3\nx", "x y\n", "-1 3\n"}) {
    WriteTo(dir_.get(), record, damaged);
    EXPECT_EQ(snapshotter_->LayerUsage(ChainId(1))->inodes, 3u) << damaged;
    EXPECT_THAT(ReadFrom(dir_.get(), record), ::testing::EndsWith(" 3\n"));
  }
  EXPECT_EQ(snapshotter_->LayerUsage(ChainId(2)).error().code, Code::kNotFound);
}

TEST_P(SnapshotterContract, ListsCommittedLayersWithTheirTime) {
  int64_t before = UnixNanoseconds() - 1'000'000'000;  // times of files have a coarse clock
  AddLayer(1);
  AddLayer(2);
  ASSERT_TRUE(snapshotter_->StageLayer(ChainId(3)));
  auto layers = snapshotter_->ListLayers();
  ASSERT_TRUE(layers) << layers.error().ToString();
  ASSERT_EQ(layers->size(), 2u);
  std::set<std::string> chain_ids;
  for (const CommittedLayer& layer : *layers) {
    chain_ids.insert(layer.chain_id);
    EXPECT_GT(layer.committed_ns, before);
    EXPECT_LE(layer.committed_ns, UnixNanoseconds());
  }
  EXPECT_EQ(chain_ids, (std::set<std::string>{ChainId(1), ChainId(2)}));
}

TEST_P(SnapshotterContract, LayersAreTakenOverOnlyInTheSameBootOfTheHost) {
  AddLayer(1);
  EXPECT_FALSE(snapshotter_->AdoptLayers({ChainId(1)})) << "the root is new";
  ASSERT_TRUE(snapshotter_->Collect({ChainId(1)}, {}));
  Reopen();
  EXPECT_TRUE(snapshotter_->AdoptLayers({ChainId(1)}));
  WriteTo(dir_.get(), "root/boot", "another boot");
  Reopen();
  EXPECT_FALSE(snapshotter_->AdoptLayers({ChainId(1)}));
  Reopen();
  EXPECT_FALSE(snapshotter_->AdoptLayers({ChainId(1)})) << "the last one has not collected what is damaged";
  ASSERT_TRUE(snapshotter_->Collect({}, {}));
  Reopen();
  EXPECT_TRUE(snapshotter_->AdoptLayers({ChainId(1)}));
}

TEST_P(SnapshotterContract, ARemovedLayerIsGoneAtOnceAndCanComeBack) {
  AddLayer(1, {{"file", "old"}});
  ASSERT_TRUE(snapshotter_->RemoveLayer(ChainId(1)));
  EXPECT_FALSE(snapshotter_->HasLayer(ChainId(1)));
  EXPECT_TRUE(snapshotter_->RemoveLayer(ChainId(1)));
  AddLayer(1, {{"file", "new"}});
  snapshotter_->WaitForDeletions();
  EXPECT_THAT(List("trash"), IsEmpty());
  EXPECT_THAT(snapshotter_->DeletionProblems(), IsEmpty());
  EXPECT_EQ(ReadFrom(snapshotter_->OpenLayer(ChainId(1))->get(), "file"), "new");
}

}  // namespace
}  // namespace davit::snapshotter
