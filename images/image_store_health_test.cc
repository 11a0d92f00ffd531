// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Verification and repair of images.
#include <fcntl.h>

#include "images/digest.h"
#include "images/testing/health_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = LayerHealth::State;

TEST_F(Health, VerifyReportsEveryLayer) {
  PullApp();
  ImageHealth health = *Verify();
  EXPECT_TRUE(health.IsWhole());
  EXPECT_THAT(StatesOf(health), ElementsAre(State::kWhole, State::kWhole, State::kWhole));
  Damage(1);
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[2]));
  health = *Verify(CheckDepth::kEntries);
  EXPECT_FALSE(health.IsWhole());
  EXPECT_THAT(StatesOf(health), ElementsAre(State::kWhole, State::kDamaged, State::kMissing));
  EXPECT_THAT(health.layers[1].findings.examples, ElementsAre("file: is missing"));
}

TEST_F(Health, ASharedLayerIsCheckedOnce) {
  PullApp();
  CheckedLayers checked;
  ASSERT_TRUE(store_->Verify(app_.id, CheckDepth::kContents, wanted_, checked));
  ASSERT_TRUE(store_->Verify(app_.id, CheckDepth::kContents, wanted_, checked));
  EXPECT_EQ(layers_.checks, 3);
}

TEST_F(Health, VerifyComparesTheDocuments) {
  PullApp();
  records_.records[app_.id].config_json += " ";
  ImageHealth health = *Verify();
  EXPECT_FALSE(health.IsWhole());
  EXPECT_THAT(health.bad_documents, ElementsAre(HasSubstr("digest")));
  EXPECT_EQ(Repair().error().code, Code::kDataLoss);
}

TEST_F(Health, VerifyEndsWhenItIsNotWanted) {
  PullApp();
  CheckedLayers checked;
  Interrupt unwanted([] { return false; });
  EXPECT_EQ(store_->Verify(app_.id, CheckDepth::kEntries, unwanted, checked).error().code, Code::kCancelled);
}

TEST_F(Health, RepairFetchesOnlyWhatIsDamaged) {
  PullApp();
  Damage(1, CheckDepth::kContents);
  int stagings = layers_.stagings;
  auto found = Repair();
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_THAT(StatesOf(*found), ElementsAre(State::kWhole, State::kDamaged, State::kWhole));
  EXPECT_EQ(layers_.stagings - stagings, 1);
  EXPECT_EQ(NewRequests(), 1u) << "the blob of the layer";
  EXPECT_TRUE(Verify()->IsWhole());
  EXPECT_THAT(layers_.unsynced, IsEmpty()) << "and it is durable";
}

TEST_F(Health, RepairOfAWholeImageDoesNothing) {
  PullApp();
  EXPECT_TRUE(Repair()->IsWhole());
  EXPECT_EQ(NewRequests(), 0u);
}

TEST_F(Health, AfterAFailedRepairTheImageIsAsItWas) {
  PullApp();
  Damage(1);
  image_.blobs.erase(*Sha256Of(image_.layers[1].blob));
  auto repaired = Repair();
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().code, Code::kNotFound);
  EXPECT_THAT(repaired.error().ToString(), HasSubstr(name_));
  EXPECT_TRUE(layers_.Has(app_.chain_ids[1])) << "damaged, but better than none";
  EXPECT_THAT(StatesOf(*Verify()), ElementsAre(State::kWhole, State::kDamaged, State::kWhole));
  EXPECT_TRUE(store_->Find(name_));
}

TEST_F(HealthOfBlobs, RepairNeedsNoRegistryIfTheNodeKeepsTheBlob) {
  PullApp();
  Damage(0);
  ASSERT_TRUE(Repair());
  EXPECT_EQ(NewRequests(), 0u);
  EXPECT_TRUE(Verify()->IsWhole());
}

TEST_F(HealthOfBlobs, ADamagedBlobIsFetchedAgain) {
  PullApp();
  std::string digest = *Sha256Of(image_.layers[0].blob);
  UniqueFd fd = *OpenAt(AT_FDCWD, scratch_ / ("blobs/sha256/" + digest.substr(7)), O_WRONLY);
  ASSERT_TRUE(WriteAll(fd.get(), "damage", "blob"));
  EXPECT_TRUE(Verify(CheckDepth::kEntries)->IsWhole());
  EXPECT_THAT(Verify()->bad_blobs, ElementsAre(digest));
  ASSERT_TRUE(Repair());
  EXPECT_EQ(NewRequests(), 1u);
  EXPECT_TRUE(Verify()->IsWhole());
}

TEST_F(HealthOfBlobs, AnImageThatMustKeepItsBlobsIsNotWholeWithoutOne) {
  PullApp();
  std::string digest = *Sha256Of(image_.layers[0].blob);
  ASSERT_TRUE(blobs_->Remove(digest));
  EXPECT_TRUE(Verify()->IsWhole()) << "its registry has it";
  records_.records[app_.id].keeps_blobs = true;
  Reopen();
  EXPECT_THAT(Verify()->bad_blobs, ElementsAre(digest));
}

TEST_F(Health, AnImageThatARepairLeavesWithoutALayerIsNotListed) {
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  layers_.fail_sync_with = EIO;
  EXPECT_FALSE(Repair());
  layers_.fail_sync_with = 0;
  EXPECT_THAT(store_->List(), IsEmpty());
  ASSERT_TRUE(Pull(name_));
  EXPECT_TRUE(Verify()->IsWhole());
}

TEST_F(HealthOfBlobs, ABlobThatCannotBeFetchedDoesNotKeepALayerDamaged) {
  PullApp();
  records_.records[app_.id].keeps_blobs = true;
  Reopen();
  std::string lost = *Sha256Of(image_.layers[0].blob);
  ASSERT_TRUE(blobs_->Remove(lost));
  image_.blobs.erase(lost);
  Damage(1);
  EXPECT_EQ(Repair().error().code, Code::kNotFound);
  EXPECT_THAT(StatesOf(*Verify()), ElementsAre(State::kWhole, State::kWhole, State::kWhole));
  EXPECT_THAT(Verify()->bad_blobs, ElementsAre(lost)) << "it does not look whole";
}

// Another pull may have fetched the layer.

// Known images used to be taken for durable as a whole.

TEST_F(Health, ALayerThatAKnownImageGetsAgainIsSynced) {
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  int syncs = layers_.syncs;
  ASSERT_TRUE(Pull(name_));
  EXPECT_EQ(layers_.syncs - syncs, 1);
  ASSERT_TRUE(Pull(name_));
  EXPECT_EQ(layers_.syncs - syncs, 1) << "nothing to sync";
}

}  // namespace
}  // namespace davit::images
