// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "snapshotter/staging_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::snapshotter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StagingLedger, LetsOneStagerIn) {
  StagingLedger ledger;
  EXPECT_TRUE(ledger.Begin("a"));
  EXPECT_EQ(ledger.Begin("a").error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(ledger.Begin("b"));
  ledger.End("a");
  EXPECT_TRUE(ledger.Begin("a"));
}

TEST(StagingLedger, ASyncCoversWhatWasCommittedBeforeIt) {
  StagingLedger ledger;
  ASSERT_TRUE(ledger.Begin("a"));
  ASSERT_TRUE(ledger.Begin("b"));
  ASSERT_TRUE(ledger.Committed("a", "a"));
  auto covered = ledger.Unsynced();
  ASSERT_TRUE(ledger.Committed("b", "b"));
  ledger.Synced(covered);
  EXPECT_THAT(ledger.Unsynced(), ElementsAre("b"));
}

TEST(StagingLedger, AFailedSyncCondemnsAllThatWasNotSafeOnDisk) {
  StagingLedger ledger;
  for (const char* id : {"synced", "committed", "staged"}) ASSERT_TRUE(ledger.Begin(id));
  ASSERT_TRUE(ledger.Committed("synced", "synced"));
  ledger.Synced(ledger.Unsynced());
  ASSERT_TRUE(ledger.Committed("committed", "committed"));

  EXPECT_THAT(ledger.SyncFailed(), ElementsAre("committed"));
  EXPECT_EQ(ledger.Committed("staged", "staged").error().code, Code::kDataLoss);
  EXPECT_THAT(ledger.Unsynced(), IsEmpty());
  EXPECT_FALSE(ledger.IsStaged("staged"));
}

TEST(StagingLedger, AStagedLayerIsDamagedByAFailedSyncAndStaysStaged) {
  StagingLedger ledger;
  ASSERT_TRUE(ledger.Begin("a"));
  EXPECT_TRUE(ledger.CheckStaged("a"));
  ledger.SyncFailed();
  EXPECT_EQ(ledger.CheckStaged("a").error().code, Code::kDataLoss);
  EXPECT_TRUE(ledger.IsStaged("a"));
}

TEST(StagingLedger, AnAdoptedLayerWaitsForASyncLikeACommittedOne) {
  StagingLedger ledger;
  ledger.Adopt({"a", "b"});
  ledger.Synced({"a"});
  EXPECT_THAT(ledger.SyncFailed(), ElementsAre("b"));
}

TEST(StagingLedger, ALayerStagedAfterAFailedSyncIsIntact) {
  StagingLedger ledger;
  ledger.SyncFailed();
  ASSERT_TRUE(ledger.Begin("a"));
  EXPECT_TRUE(ledger.Committed("a", "a"));
}

}  // namespace
}  // namespace davit::snapshotter
