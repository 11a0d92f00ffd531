// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls of different images that need the same layer at the same time.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

constexpr int64_t kSoonMs = 60'000;

class Sharing : public Store {
 protected:
  void SetUp() override {
    config_.low_speed_bytes = 0;  // no transfer is given up for its speed
    config_.low_speed_seconds = 1;
    Store::SetUp();
  }
  ~Sharing() override { LetGo(); }

  // Serves the image, but holds the answer for this blob back until LetGo.
  FakeServer::Handler HoldingBack(const TestImage& image, const std::string& blob) {
    return [this, image, blob](const FakeRequest& request) {
      FakeResponse response = Serve(image, request);
      if (response.body != blob) return response;
      std::unique_lock lock(mutex_);
      holding_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return let_go_; });
      return response;
    };
  }
  std::future<Result<PulledImage>> StartPull(const std::string& reference) {
    return std::async(std::launch::async, [this, reference] { return Pull(reference); });
  }
  Result<PulledImage> PullSoon(const std::string& reference) {
    return store_->Pull({reference, std::nullopt, MonotonicMilliseconds() + kSoonMs, nullptr});
  }
  void AwaitHolding() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return holding_; });
  }
  void LetGo() {
    std::lock_guard lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }

  TestLayer base_ = image_.layers[0];
  TestImage other_ = TestImage::Make({base_, GzipLayer(TarBuilder().File("other", "").Finish())});

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool holding_ = false;
  bool let_go_ = false;
};

TEST_F(Sharing, ARegistryThatStallsHoldsUpNoPullFromAnother) {
  FakeServer stalling(HoldingBack(other_, base_.blob));
  FakeServer good([this](const FakeRequest& request) { return Serve(image_, request); });
  auto slow = StartPull(stalling.host() + "/other");
  AwaitHolding();
  auto pulled = PullSoon(good.host() + "/app");
  LetGo();
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 0, "a/one"), "1");
  auto late = slow.get();
  ASSERT_TRUE(late) << late.error().ToString();
  EXPECT_THAT(layers_.Layers(), SizeIs(4)) << "the faster pull's layer is for both";
  EXPECT_THAT(layers_.Staged(), SizeIs(0));
}

TEST_F(Sharing, AnotherBlobForALayerIsNotWaitedFor) {
  config_.low_speed_seconds = 3600;
  Reopen();
  TestLayer plain{base_.tar, base_.tar, "application/vnd.oci.image.layer.v1.tar"};
  FakeServer stalling(HoldingBack(TestImage::Make({plain}), plain.blob));
  FakeServer good([this](const FakeRequest& request) { return Serve(image_, request); });
  auto slow = StartPull(stalling.host() + "/other");
  AwaitHolding();
  auto pulled = PullSoon(good.host() + "/app");
  EXPECT_TRUE(pulled) << pulled.error().ToString();
  LetGo();
  EXPECT_TRUE(slow.get());
}

TEST_F(Sharing, ALayerThatOneRegistrySendsSlowlyIsFetchedOnce) {
  auto holding_back = HoldingBack(other_, base_.blob);
  FakeServer registry([&](const FakeRequest& request) {
    return request.target.find("/app/") != std::string::npos ? Serve(image_, request) : holding_back(request);
  });
  auto slow = StartPull(registry.host() + "/other");
  AwaitHolding();
  auto waiting = StartPull(registry.host() + "/app");
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(3)), std::future_status::timeout);
  LetGo();
  EXPECT_TRUE(slow.get());
  EXPECT_TRUE(waiting.get());
  EXPECT_EQ(layers_.stagings, 4);
}

// The repair has a staging of its own, which takes the place of the damaged layer.
TEST_F(Sharing, ARepairDoesNotWaitForAnotherThatIsSlow) {
  std::atomic<bool> damaged = false;
  auto holding_back = HoldingBack(other_, base_.blob);
  FakeServer stalling(
      [&](const FakeRequest& request) { return damaged ? holding_back(request) : Serve(other_, request); });
  FakeServer good([this](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(stalling.host() + "/other"));
  auto app = Pull(good.host() + "/app");
  ASSERT_TRUE(app);
  std::ofstream(layers_.Path(app->chain_ids[0]) + "/a/one") << "damaged";
  layers_.damaged[app->chain_ids[0]] = CheckDepth::kEntries;
  damaged = true;
  auto slow = std::async(std::launch::async,
                         [&] { return store_->Repair({stalling.host() + "/other", {}, nullptr}); });
  AwaitHolding();
  auto repaired = store_->Repair({app->id, {}, nullptr});
  ASSERT_TRUE(repaired) << repaired.error().ToString();
  EXPECT_EQ(Content(*app, 0, "a/one"), "1");
  LetGo();
  auto late = slow.get();
  EXPECT_TRUE(late) << late.error().ToString();
  EXPECT_EQ(Content(*app, 0, "a/one"), "1");
  EXPECT_THAT(layers_.Staged(), SizeIs(0));
}

TEST_F(Sharing, AFailureOfWhatWaitedForAnotherPullStopsTheOtherLayers) {
  FakeServer stalling(HoldingBack(other_, base_.blob));
  auto slow = StartPull(stalling.host() + "/other");
  AwaitHolding();
  while (layers_.Staged().size() < 2) usleep(1000);
  std::vector<std::string> staged = layers_.Staged();
  std::atomic<bool> second_is_held = false;
  auto hold_second = HoldingBack(image_, image_.layers[1].blob);
  FakeServer incomplete([&](const FakeRequest& request) {
    if (request.target.ends_with(*Sha256Of(base_.blob))) return FakeResponse{404, {}, ""};
    if (request.target.ends_with(*Sha256Of(image_.layers[1].blob))) second_is_held = true;
    return hold_second(request);
  });
  auto failed = PullSoon(incomplete.host() + "/app");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kNotFound) << failed.error().ToString();
  EXPECT_TRUE(second_is_held) << "its download was in progress";
  EXPECT_THAT(layers_.Staged(), UnorderedElementsAreArray(staged)) << "those of the slow pull";
  LetGo();
  EXPECT_TRUE(slow.get());
}

TEST_F(Sharing, FiftyPullsOfWhichFortyNineAreCancelledAreOneDownload) {
  constexpr int kCallers = 50;
  FakeServer registry(HoldingBack(image_, base_.blob));
  std::atomic<int> aboard = 0;
  std::atomic<bool> cancelled = false;
  std::vector<std::future<Result<PulledImage>>> pulls;
  for (int i = 0; i < kCallers; ++i) {
    PullRequest request{registry.host() + "/app", std::nullopt, 0,
                        [&cancelled, i] { return cancelled && i > 0; }, [&aboard](auto) { ++aboard; }};
    pulls.push_back(std::async(std::launch::async, [this, request] { return store_->Pull(request); }));
  }
  AwaitHolding();
  while (aboard < kCallers) usleep(1000);
  cancelled = true;
  auto gone = [&pulls] {
    return std::ranges::count_if(pulls, [](auto& pull) {
      return pull.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    });
  };
  int64_t give_up_ms = MonotonicMilliseconds() + 60'000;
  while (gone() < kCallers - 2 && MonotonicMilliseconds() < give_up_ms) usleep(1000);
  EXPECT_GE(gone(), kCallers - 2) << "all but the one that wants it and the one that works for it";
  LetGo();
  auto pulled = pulls[0].get();
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 1, "a/two"), "2");
  EXPECT_THAT(registry.requests(), SizeIs(5)) << "manifest, config and three layers";
  EXPECT_EQ(layers_.stagings, 3);
}

}  // namespace
}  // namespace davit::images
