// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What failed pulls leave for a retry: finished layers and partial blobs.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>

#include "base/time.h"
#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr int64_t kHour = 3'600'000;

// A server with two images. Of the first, it refuses the topmost layer once its two others are committed.
class LeftoversTest : public Store {
 protected:
  void SetUp() override {
    config_.retention.unfinished_ms = kHour;
    config_.retention.min_free_percent = 0;
    Store::SetUp();
  }
  FakeResponse Answer(const FakeRequest& request) {
    if (request.target.find("/other/") != std::string::npos) return Serve(other_, request);
    if (!refuse_ || !request.target.ends_with(top_)) return Serve(image_, request);
    while (layers_.Layers().size() < layers_before_ + 2) usleep(1000);
    return {404, {}, "", -1, false};
  }
  void FailToPull() {
    layers_before_ = layers_.Layers().size();
    EXPECT_FALSE(Pull(server_.host() + "/app"));
    refuse_ = false;
  }
  // An image is removed: what needs space.
  void RemoveOther() {
    ASSERT_TRUE(Pull(server_.host() + "/other/app"));
    ASSERT_TRUE(store_->Remove(server_.host() + "/other/app"));
  }
  std::string LeavePartialBlob() {
    std::string text = "the beginning";
    Descriptor descriptor{"", *Sha256Of("a whole blob"), 100, std::nullopt, {}};
    auto writer = *blobs_->Begin(descriptor);
    EXPECT_TRUE(writer->Write(text));
    return scratch_ / ("blobs/partial/sha256-" + descriptor.digest.substr(7));
  }
  static void AgeFile(const std::string& file, int64_t ms) {
    int64_t seconds = (UnixNanoseconds() / 1'000'000 - ms) / 1000;
    timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  }

  const std::string top_ = *Sha256Of(image_.layers[2].blob);
  TestImage other_ = TestImage::Make({GzipLayer(TarBuilder().File("other", "").Finish())});
  std::atomic<bool> refuse_ = true;
  std::atomic<size_t> layers_before_ = 0;
  FakeServer server_{[this](const FakeRequest& request) { return Answer(request); }};
};

TEST_F(LeftoversTest, FinishedLayersAreNotFetchedAgain) {
  FailToPull();
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
  EXPECT_THAT(layers_.Staged(), IsEmpty());
  EXPECT_THAT(store_->List(), IsEmpty());
  int before = layers_.stagings;
  auto pulled = Pull(server_.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(layers_.stagings - before, 1);
  EXPECT_EQ(layers_.syncs, 1) << "what an earlier pull has committed is not durable yet";
}

TEST_F(LeftoversTest, FinishedLayersOutliveTheDaemon) {
  FailToPull();
  std::vector<std::string> committed = layers_.commits;
  Reopen();
  EXPECT_THAT(store_->LiveLayers(), UnorderedElementsAre(committed[0], committed[1]));
  EXPECT_THAT(layers_.adopted, SizeIs(2)) << "the next sync is theirs as well";
  int before = layers_.stagings;
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  EXPECT_EQ(layers_.stagings - before, 1);
}

TEST_F(LeftoversTest, LayersThatNoSyncHasCoveredDoNotOutliveTheHost) {
  FailToPull();
  layers_.rebooted = true;
  Reopen();
  EXPECT_THAT(store_->LiveLayers(), IsEmpty());
}

TEST_F(LeftoversTest, OnlyLayersWithoutAnImageAreTakenOver) {
  refuse_ = false;
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  Reopen();
  EXPECT_THAT(layers_.adopted, IsEmpty());
  EXPECT_THAT(store_->LiveLayers(), SizeIs(3));
}

TEST_F(LeftoversTest, TheyStayNoLongerThanConfigured) {
  FailToPull();
  std::string partial = LeavePartialBlob();
  layers_.Age(kHour - 60'000);
  AgeFile(partial, kHour - 60'000);
  RemoveOther();
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
  EXPECT_TRUE(std::filesystem::exists(partial));
  layers_.Age(120'000);
  AgeFile(partial, kHour + 60'000);
  RemoveOther();
  EXPECT_THAT(layers_.Layers(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(partial));
}

TEST_F(LeftoversTest, AtTheStartOldOnesAreNotTakenOver) {
  FailToPull();
  std::string partial = LeavePartialBlob();
  layers_.Age(kHour + 1);
  AgeFile(partial, kHour + 1000);
  Reopen();
  EXPECT_THAT(store_->LiveLayers(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(partial));
}

TEST_F(LeftoversTest, AClockThatWasSetBackKeepsNothingForEver) {
  FailToPull();
  layers_.Age(-2 * kHour);
  RemoveOther();
  EXPECT_THAT(layers_.Layers(), IsEmpty());
}

TEST_F(LeftoversTest, TheyDisappearRegularlyWithoutAnyCall) {
  config_.retention.unfinished_ms = 500;
  Reopen();
  FailToPull();
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
  store_->SweepRegularly();
  int64_t patience = MonotonicMilliseconds() + 60'000;
  while (!layers_.Layers().empty() && MonotonicMilliseconds() < patience) usleep(10'000);
  EXPECT_THAT(layers_.Layers(), IsEmpty());
}

TEST_F(LeftoversTest, AShortDiskKeepsNone) {
  FailToPull();
  LeavePartialBlob();
  config_.retention.min_free_percent = 101;
  Reopen();
  EXPECT_THAT(store_->LiveLayers(), IsEmpty());
  EXPECT_THAT(*blobs_->List(), IsEmpty());
  RemoveOther();
  EXPECT_THAT(layers_.Layers(), IsEmpty());
  refuse_ = true;
  FailToPull();
  ExpectNothingLeft();
}

TEST_F(LeftoversTest, AHoldKeepsALayerThatIsOld) {
  FailToPull();
  layers_.Age(2 * kHour);
  LayerHold hold = store_->Hold({layers_.commits[0]});
  RemoveOther();
  EXPECT_THAT(layers_.Layers(), ElementsAre(layers_.commits[0].substr(7)));
  hold.Release();
  EXPECT_THAT(layers_.Layers(), IsEmpty());
}

TEST_F(LeftoversTest, LayersOfARemovedImageAreFreedAtOnce) {
  refuse_ = false;
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  ASSERT_TRUE(store_->Remove(server_.host() + "/app"));
  ExpectNothingLeft();
}

TEST_F(LeftoversTest, TheyAreRemovedAtOnceOnRequest) {
  ASSERT_TRUE(Pull(server_.host() + "/other/app"));
  FailToPull();
  LeavePartialBlob();
  LayerHold hold = store_->Hold({layers_.commits[1]});
  auto loose = *store_->LooseLayers();
  ASSERT_THAT(loose, SizeIs(2)) << "not that of the image";
  for (const LooseLayer& layer : loose) EXPECT_EQ(layer.in_use, layer.chain_id == layers_.commits[1]);
  store_->RemoveLeftovers();
  EXPECT_THAT(*blobs_->List(), IsEmpty());
  EXPECT_THAT(*store_->LooseLayers(), SizeIs(1)) << "what is in use stays";
  EXPECT_THAT(store_->List(), SizeIs(1));
}

TEST_F(LeftoversTest, APullInProgressLosesNothing) {
  std::atomic<bool> removed = false;
  FakeServer server([&](const FakeRequest& request) {
    if (!request.target.ends_with(top_)) return Serve(image_, request);
    while (layers_.Layers().size() < 2) usleep(1000);
    if (!removed.exchange(true)) store_->RemoveLeftovers();
    return Serve(image_, request);
  });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_TRUE(removed);
  EXPECT_EQ(layers_.stagings, 3);
  EXPECT_THAT(*store_->LooseLayers(), IsEmpty());
}

TEST_F(LeftoversTest, APartialBlobThatIsBeingWrittenStays) {
  Descriptor descriptor{"", *Sha256Of("a whole blob"), 100, std::nullopt, {}};
  auto writer = *blobs_->Begin(descriptor);
  ASSERT_TRUE(writer->Write("x"));
  config_.retention.min_free_percent = 101;
  Reopen();
  EXPECT_THAT(*blobs_->List(), SizeIs(1));
}

}  // namespace
}  // namespace davit::images
