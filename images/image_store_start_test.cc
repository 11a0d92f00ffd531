// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the store decides at its start, and images that are incomplete then.
#include <map>

#include "base/priority.h"
#include "images/digest.h"
#include "images/testing/health_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = LayerHealth::State;

class HealthOfIncomplete : public HealthOfBlobs {
 protected:
  // Pulls the image, which then lacks a layer, on a disk that is full.
  void Postpone() {
    PullApp();
    ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
    layers_.fail_stage_with = ENOSPC;
    Reopen();
    ASSERT_THAT(store_->CheckAfterStart(wanted_).postponed, ElementsAre(name_));
  }
  // Pulls the image, which then lacks a layer; `meanwhile` runs when its restoration is nearly done.
  StartFindings Restore(const std::function<void()>& meanwhile) {
    PullApp();
    EXPECT_TRUE(store_->Pin(name_));
    EXPECT_TRUE(layers_.Remove(app_.chain_ids[1]));
    Reopen();
    layers_.on_sync = [&meanwhile, done = false]() mutable {
      if (!std::exchange(done, true)) meanwhile();
    };
    return store_->CheckAfterStart(wanted_);
  }
};

TEST_F(HealthOfBlobs, AtTheStartAMissingLayerIsRestoredFromItsBlob) {
  PullApp();
  ASSERT_TRUE(store_->Pin(name_));
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  Reopen();
  EXPECT_THAT(store_->List(), IsEmpty()) << "an image is listed only when it is whole";
  StartFindings findings = store_->CheckAfterStart(wanted_);
  EXPECT_THAT(findings.repaired, ElementsAre(name_));
  EXPECT_THAT(findings.forgotten, IsEmpty());
  EXPECT_EQ(NewRequests(), 0u);
  EXPECT_EQ(Content(app_, 1, "a/two"), "2");
  EXPECT_TRUE(store_->Find(name_)->pinned);
  EXPECT_THAT(layers_.unsynced, IsEmpty());
}

TEST_F(Health, AtTheStartAnImageWithoutItsLayerIsForgottenAndThePullFetchesOnlyThat) {
  PullApp();
  gone_ = true;
  layers_.Age(7'200'000);
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  Reopen();
  EXPECT_EQ(store_->LiveLayers().size(), 3u) << "recovery removes nothing";
  StartFindings findings = store_->CheckAfterStart(wanted_);
  EXPECT_THAT(findings.forgotten, ElementsAre(name_));
  EXPECT_THAT(records_.records, IsEmpty());
  store_->DropBlobs({});  // sweeps
  gone_ = false;
  int stagings = layers_.stagings;
  ASSERT_TRUE(Pull(name_));
  EXPECT_EQ(layers_.stagings - stagings, 1);
}

TEST_F(HealthOfBlobs, AtTheStartAnImageThatCannotBeRestoredYetStays) {
  PullApp();
  records_.records[app_.id].keeps_blobs = true;
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  for (int error : {ENOSPC, ENOENT}) {
    layers_.fail_stage_with = error;
    Reopen();
    StartFindings findings = store_->CheckAfterStart(wanted_);
    EXPECT_THAT(findings.postponed, ElementsAre(name_)) << error;
    EXPECT_THAT(findings.forgotten, IsEmpty());
    EXPECT_THAT(store_->List(), IsEmpty());
    EXPECT_EQ(store_->LiveLayers().size(), 3u);
  }
  layers_.fail_stage_with = 0;
  Reopen();
  EXPECT_THAT(store_->CheckAfterStart(wanted_).repaired, ElementsAre(name_));
}

TEST_F(HealthOfBlobs, AtTheStartAnImageThatHasLostItsBlobIsForgotten) {
  PullApp();
  records_.records[app_.id].keeps_blobs = true;
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  ASSERT_TRUE(blobs_->Remove(*Sha256Of(image_.layers[1].blob)));
  gone_ = true;
  Reopen();
  EXPECT_THAT(store_->CheckAfterStart(wanted_).forgotten, ElementsAre(name_));
}

TEST_F(HealthOfBlobs, AtTheStartADamagedBlobIsNoReasonToWait) {
  PullApp();
  for (bool keeps_blobs : {false, true}) {
    records_.records[app_.id].keeps_blobs = keeps_blobs;
    ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
    std::string digest = *Sha256Of(image_.layers[1].blob);
    std::ofstream(scratch_ / ("blobs/sha256/" + digest.substr(7)))
        << std::string(image_.layers[1].blob.size(), 'x');
    gone_ = true;
    Reopen();
    EXPECT_THAT(store_->CheckAfterStart(wanted_).forgotten, ElementsAre(name_)) << keeps_blobs;
    gone_ = false;
    PullApp();
  }
}

TEST_F(Health, APullOfAnImageThatIsNotListedYetMakesItWhole) {
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  Reopen();
  ASSERT_TRUE(Pull(name_));
  EXPECT_THAT(store_->CheckAfterStart(wanted_).forgotten, IsEmpty());
  EXPECT_EQ(store_->Find(name_)->id, app_.id);
  EXPECT_TRUE(Verify()->IsWhole());
}

TEST_F(Health, ATagThatMovedBeforeTheRestorationStays) {
  config_.retention.blobs = true;
  Reopen();
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  Reopen();
  image_ = TestImage::Make({image_.layers[0]});
  auto other = Pull(name_);
  ASSERT_TRUE(other);
  store_->CheckAfterStart(wanted_);
  EXPECT_EQ(store_->Find(name_)->id, other->id);
  EXPECT_TRUE(store_->Find(app_.id)) << "restored under its digest";
}

TEST_F(Health, ALayerThatIsRepairedDuringTheCheckStays) {
  PullApp();
  Damage(1);
  layers_.rebooted = true;
  Reopen();
  std::map<std::string, int> checks;
  layers_.on_check = [&](const std::string& chain_id) {
    if (++checks[chain_id] == 2) layers_.damaged.clear();  // as a repair does after the first check
  };
  StartFindings findings = store_->CheckAfterStart(wanted_);
  layers_.on_check = nullptr;
  EXPECT_THAT(findings.damaged_layers, IsEmpty());
  EXPECT_THAT(store_->List(), SizeIs(1));
}

TEST_F(Health, ACheckThatIsEndedIsRepeated) {
  PullApp();
  layers_.rebooted = true;
  Reopen();
  store_->CheckAfterStart(Interrupt([] { return false; }));
  EXPECT_EQ(store_->CheckAfterStart(wanted_).layers_checked, 3u);
  EXPECT_EQ(store_->CheckAfterStart(wanted_).layers_checked, 0u) << "once is enough";
}

TEST_F(HealthOfIncomplete, ATagThatMovesDuringTheRestorationStays) {
  std::string other;
  TestImage next = TestImage::Make({GzipLayer(TarBuilder().File("b", "b").Finish())});
  StartFindings findings = Restore([&] {
    image_ = next;
    auto pulled = Pull(name_);
    ASSERT_TRUE(pulled) << pulled.error().ToString();
    other = pulled->id;
  });
  EXPECT_THAT(findings.repaired, SizeIs(1));
  EXPECT_EQ(store_->Find(name_)->id, other);
  EXPECT_THAT(store_->Find(app_.id)->repo_tags, IsEmpty());
  EXPECT_THAT(records_.records[app_.id].repo_tags, IsEmpty());
}

TEST_F(HealthOfIncomplete, WhatIsRemovedDuringTheRestorationStaysRemoved) {
  StartFindings findings = Restore([&] { ASSERT_TRUE(store_->Remove(name_)); });
  EXPECT_THAT(findings.repaired, IsEmpty());
  EXPECT_THAT(findings.forgotten, IsEmpty());
  EXPECT_THAT(store_->List(), IsEmpty());
  EXPECT_THAT(records_.records, IsEmpty());
}

TEST_F(HealthOfIncomplete, APullKeepsWhatIsKnownOfTheImage) {
  PullApp();
  ASSERT_TRUE(store_->Pin(name_));
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  records_.records[app_.id].keeps_blobs = true;
  Reopen();
  std::string other = server_.host() + "/app:v2";
  ASSERT_TRUE(Pull(other));
  ImageSummary image = *store_->Find(app_.id);
  EXPECT_TRUE(image.pinned);
  EXPECT_TRUE(image.keeps_blobs);
  EXPECT_THAT(image.repo_tags, ElementsAre(name_, other));
}

TEST_F(HealthOfIncomplete, PeopleFindItAndContainersDoNot) {
  Postpone();
  EXPECT_THAT(store_->List(), IsEmpty());
  EXPECT_EQ(store_->Find(name_).error().code, Code::kNotFound);
  EXPECT_EQ(store_->FindAndHold(app_.id).error().code, Code::kNotFound);
  ASSERT_THAT(store_->List(Which::kAny), SizeIs(1));
  EXPECT_TRUE(store_->List(Which::kAny)[0].incomplete);
  EXPECT_EQ(store_->Find(app_.id.substr(7, 12), Which::kAny)->id, app_.id);
  EXPECT_EQ(store_->Read(name_)->config_json, image_.config);
  ImageHealth health = *Verify();
  EXPECT_FALSE(health.IsWhole());
  EXPECT_THAT(StatesOf(health), ElementsAre(State::kWhole, State::kMissing, State::kWhole));
}

TEST_F(HealthOfIncomplete, ItsTagsCanBeGivenAndTakenAway) {
  Postpone();
  ASSERT_TRUE(store_->Tag(name_, "team/app:1"));
  ASSERT_TRUE(store_->Untag(name_));
  EXPECT_THAT(records_.records[app_.id].repo_tags, ElementsAre("docker.io/team/app:1"));
  EXPECT_THAT(store_->List(), IsEmpty()) << "it lacks a layer as before";
  EXPECT_EQ(store_->Untag(name_).error().code, Code::kNotFound);
  TestImage next = TestImage::Make({GzipLayer(TarBuilder().File("b", "b").Finish())});
  layers_.fail_stage_with = 0;
  image_ = next;
  std::string other = Pull(server_.host() + "/other:1")->id;
  ASSERT_TRUE(store_->Tag(other, "team/app:1"));
  EXPECT_THAT(records_.records[app_.id].repo_tags, IsEmpty()) << "a tag means one image";
}

TEST_F(HealthOfIncomplete, IsRemovedByItsTag) {
  Postpone();
  ASSERT_TRUE(store_->Remove(name_));
  EXPECT_THAT(store_->List(Which::kAny), IsEmpty());
  ExpectNothingLeft();
}

TEST_F(HealthOfIncomplete, ARepairListsItAgain) {
  Postpone();
  auto repaired = Repair();
  ASSERT_FALSE(repaired);
  EXPECT_EQ(repaired.error().code, Code::kResourceExhausted);
  EXPECT_THAT(store_->List(), IsEmpty());
  layers_.fail_stage_with = 0;
  repaired = Repair();
  ASSERT_TRUE(repaired) << repaired.error().ToString();
  EXPECT_TRUE(repaired->image.incomplete) << "as it was found";
  EXPECT_FALSE(store_->Find(name_)->incomplete);
  EXPECT_TRUE(Verify()->IsWhole());
  EXPECT_THAT(layers_.unsynced, IsEmpty());
}

TEST_F(HealthOfIncomplete, ARepairListsItAgainIfItLacksNothing) {
  Postpone();
  layers_.fail_stage_with = 0;
  TestImage same_layers = image_;
  image_ = TestImage::Make(image_.layers, "", R"("author":"another",)");
  ASSERT_TRUE(Pull(server_.host() + "/other:1"));
  image_ = same_layers;
  EXPECT_FALSE(Verify()->IsWhole());
  ASSERT_TRUE(Repair());
  EXPECT_TRUE(Verify()->IsWhole());
  EXPECT_EQ(store_->Find(name_)->id, app_.id);
}

TEST_F(Health, AfterABootADamagedLayerIsWithdrawnWithItsImage) {
  PullApp();
  gone_ = true;
  Damage(1);
  layers_.rebooted = true;
  Reopen();
  StartFindings findings = store_->CheckAfterStart(wanted_);
  EXPECT_EQ(findings.layers_checked, 3u);
  EXPECT_THAT(findings.damaged_layers, ElementsAre(app_.chain_ids[1]));
  EXPECT_THAT(findings.forgotten, ElementsAre(name_));
  EXPECT_THAT(store_->List(), IsEmpty());
  EXPECT_THAT(layers_.Layers(), SizeIs(2)) << "the others wait for a pull";
}

TEST_F(Health, AfterABootADamagedLayerIsFetchedAgain) {
  PullApp();
  Damage(1);
  layers_.rebooted = true;
  Reopen();
  StartFindings findings = store_->CheckAfterStart(wanted_);
  EXPECT_THAT(findings.damaged_layers, ElementsAre(app_.chain_ids[1]));
  EXPECT_THAT(findings.repaired, ElementsAre(name_));
  EXPECT_EQ(NewRequests(), 1u) << "the blob of the layer, and nothing else";
  EXPECT_TRUE(Verify()->IsWhole());
  EXPECT_THAT(layers_.unsynced, IsEmpty());
}

TEST_F(Health, ARegistryThatDoesNotAnswerIsAskedAgainAsLongAsRetentionSays) {
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  cut_ = true;
  Reopen();
  EXPECT_THAT(store_->CheckAfterStart(wanted_).postponed, ElementsAre(name_));
  EXPECT_EQ(records_.records.size(), 1u);
  cut_ = false;
  EXPECT_THAT(store_->CheckAfterStart(wanted_).repaired, ElementsAre(name_));
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  cut_ = true;
  config_.retention.unfinished_ms = 1;
  Reopen();
  usleep(2000);
  EXPECT_THAT(store_->CheckAfterStart(wanted_).forgotten, ElementsAre(name_));
}

TEST_F(Health, OfSeveralRegistriesTheOneThatMayStillAnswerCounts) {
  FakeServer other([this](const FakeRequest& request) { return Serve(image_, request); });
  PullApp();
  ASSERT_TRUE(Pull(other.host() + "/app:v1"));
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  cut_ = true;
  image_ = TestImage::Make({});  // the other has it no more
  Reopen();
  EXPECT_THAT(store_->CheckAfterStart(wanted_).postponed, SizeIs(1));
}

TEST_F(Health, ARegistryWithBadSettingsDoesNotHideTheOthers) {
  FakeServer other([this](const FakeRequest& request) { return Serve(image_, request); });
  PullApp();
  ASSERT_TRUE(Pull(other.host() + "/app:v1"));
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  Mirrors(server_.host(), {"no address"});
  Reopen();
  EXPECT_THAT(store_->CheckAfterStart(wanted_).repaired, SizeIs(1));
}

// The check has no credentials; the pull of a pod may have.
TEST_F(Health, AnImageWhoseRegistryWantsCredentialsWaitsForAPullButNotForEver) {
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  for (int status : {401, 403}) {
    refuse_with_ = status;
    Reopen();
    StartFindings findings = store_->CheckAfterStart(wanted_);
    EXPECT_THAT(findings.postponed, ElementsAre(name_)) << status;
    EXPECT_THAT(findings.forgotten, IsEmpty()) << status;
  }
  config_.retention.unfinished_ms = 1;
  Reopen();
  usleep(2000);
  EXPECT_THAT(store_->CheckAfterStart(wanted_).forgotten, ElementsAre(name_));
}

TEST_F(Health, PodsWaitForWhatIsRestoredButNotForChecks) {
  PullApp();
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  layers_.rebooted = true;
  Reopen();
  auto nice = [] { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); };
  std::vector<int> seen;
  layers_.on_check = [&](const std::string&) { seen.push_back(nice()); };
  layers_.on_sync = [&] { seen.push_back(nice()); };
  ScopedPriority idle(Priority::kIdle);
  if (nice() != 19) GTEST_SKIP() << "needs a kernel that lets threads change their priority";
  EXPECT_THAT(store_->CheckAfterStart(wanted_).repaired, ElementsAre(name_));
  layers_.on_check = nullptr;
  layers_.on_sync = nullptr;
  EXPECT_EQ(nice(), 19);
  ASSERT_GE(seen.size(), 2U);
  EXPECT_EQ(seen.front(), 19) << "a check";
  EXPECT_EQ(seen.back(), 0) << "the end of a restoration";
}

TEST_F(HealthOfBlobs, ABlobThatMustStayIsFetchedAgainWithItsLayer) {
  PullApp();
  records_.records[app_.id].keeps_blobs = true;
  std::string digest = *Sha256Of(image_.layers[1].blob);
  ASSERT_TRUE(layers_.Remove(app_.chain_ids[1]));
  ASSERT_TRUE(blobs_->Remove(digest));
  Reopen();
  EXPECT_THAT(store_->CheckAfterStart(wanted_).repaired, ElementsAre(name_));
  EXPECT_TRUE(blobs_->Has(digest));
  EXPECT_TRUE(Verify()->IsWhole());
}

TEST_F(Health, WithoutABootNothingIsChecked) {
  PullApp();
  Damage(1);
  Reopen();
  EXPECT_EQ(store_->CheckAfterStart(wanted_).layers_checked, 0u);
  EXPECT_THAT(store_->List(), SizeIs(1));
}

}  // namespace
}  // namespace davit::images
