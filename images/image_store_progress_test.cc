// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What callers of a pull see of its progress.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using State = LayerProgress::State;
using ::testing::Each;
using ::testing::Field;
using ::testing::SizeIs;

class Progress : public Store {
 protected:
  // A pull that tells its progress to `seen`.
  Result<PulledImage> Watched(const std::string& reference, std::shared_ptr<const TransferProgress>& seen) {
    PullRequest request{reference, std::nullopt, 0, nullptr, [&seen](auto progress) { seen = progress; }};
    return store_->Pull(request);
  }
};

TEST_F(Progress, EndsWithAllLayersDone) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  std::shared_ptr<const TransferProgress> progress;
  auto pulled = Watched(server.host() + "/app:v1", progress);
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  std::vector<LayerProgress> layers = progress->Read();
  ASSERT_THAT(layers, SizeIs(3));
  for (size_t i = 0; i < layers.size(); ++i) {
    auto size = static_cast<int64_t>(image_.layers[i].blob.size());
    EXPECT_EQ(image_.blobs.at(layers[i].digest), image_.layers[i].blob);
    EXPECT_EQ(layers[i].size, size);
    EXPECT_EQ(layers[i].transferred, size);
    EXPECT_EQ(layers[i].state, State::kDone);
  }
  EXPECT_EQ(pulled->reference, server.host() + "/app:v1");
  EXPECT_EQ(pulled->digest, image_.manifest_digest);
  EXPECT_FALSE(pulled->unchanged);
}

TEST_F(Progress, LayersOfTheNodeExist) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  std::shared_ptr<const TransferProgress> progress;
  auto again = Watched(server.host() + "/app:v1", progress);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_THAT(progress->Read(), Each(Field(&LayerProgress::state, State::kExists)));
  EXPECT_FALSE(Watched(server.host() + "/app:v2", progress)->unchanged) << "it got a tag";
}

TEST_F(Progress, ALayerThatStopsHalfWayIsDownloading) {
  std::string tar = TarBuilder().File("file", std::string(100'000, 'x')).Finish();
  image_ = TestImage::Make({{tar, tar, "application/vnd.oci.image.layer.v1.tar"}});
  std::mutex mutex;
  std::condition_variable changed;
  bool cut = false;
  bool go_on = false;
  FakeServer server([&](const FakeRequest& request) {
    FakeResponse response = Serve(image_, request);
    if (response.body != tar) return response;
    if (request.Header("range").empty()) {
      response.cut_after = 50'000;
      return response;
    }
    std::unique_lock lock(mutex);
    cut = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go_on; });
    return ServeRange(std::move(response), request);
  });
  std::shared_ptr<const TransferProgress> progress;
  std::thread puller([&] { EXPECT_TRUE(Watched(server.host() + "/app:v1", progress)); });
  LayerProgress layer;
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return cut; });
    layer = progress->Read().at(0);
    go_on = true;
    changed.notify_all();
  }
  puller.join();
  EXPECT_EQ(layer.state, State::kDownloading);
  EXPECT_GT(layer.transferred, 0);
  EXPECT_LT(layer.transferred, layer.size);
  EXPECT_EQ(progress->Read().at(0).transferred, layer.size) << "what had arrived is not counted twice";
}

TEST_F(Progress, CallersOfOnePullSeeTheSameProgress) {
  std::mutex mutex;
  std::condition_variable changed;
  int callers = 0;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target.find("/manifests/") != std::string::npos) {
      std::unique_lock lock(mutex);  // until both are aboard
      changed.wait(lock, [&] { return callers == 2; });
    }
    return Serve(image_, request);
  });
  std::shared_ptr<const TransferProgress> seen[2];
  auto caller = [&](size_t i) {
    auto board = [&, i](std::shared_ptr<const TransferProgress> progress) {
      std::lock_guard lock(mutex);
      seen[i] = std::move(progress);
      ++callers;
      changed.notify_all();
    };
    EXPECT_TRUE(store_->Pull({server.host() + "/app:v1", std::nullopt, 0, nullptr, board}));
  };
  std::thread one(caller, 0);
  std::thread two(caller, 1);
  one.join();
  two.join();
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_THAT(seen[0]->Read(), Each(Field(&LayerProgress::state, State::kDone)));
}

}  // namespace
}  // namespace davit::images
