// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The store against a registry that does what each test says. registry_test.cc has a real one.
#include "images/image_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(Store, PullsAnImageLayerByLayer) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  auto pulled = Pull(server.host() + "/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->id, image_.config_digest);
  EXPECT_THAT(pulled->repo_tags, ElementsAre(server.host() + "/app:v1"));
  EXPECT_THAT(pulled->repo_digests, ElementsAre(server.host() + "/app@" + image_.manifest_digest));
  auto stored = store_->Read(pulled->id);
  ASSERT_TRUE(stored) << stored.error().ToString();
  EXPECT_EQ(stored->config_json, image_.config);
  EXPECT_EQ(stored->manifest_json, image_.manifest);
  uint64_t size = image_.config.size();
  for (const TestLayer& layer : image_.layers) size += layer.blob.size();
  EXPECT_EQ(pulled->size, size);
  EXPECT_THAT(layers_.commits, ElementsAre(pulled->chain_ids[0], pulled->chain_ids[1], pulled->chain_ids[2]));
  EXPECT_EQ(Content(*pulled, 0, "a/one"), "1");
  EXPECT_EQ(Content(*pulled, 1, "a/two"), "2");
  EXPECT_EQ(Content(*pulled, 2, "three"), "1");
  EXPECT_EQ(std::filesystem::status(layers_.Path(pulled->chain_ids[1]) + "/a").permissions(),
            std::filesystem::perms::owner_all);
  EXPECT_EQ(layers_.syncs, 1);
  EXPECT_THAT(layers_.Staged(), IsEmpty());
}

TEST_F(Store, ASecondPullAsksForTheManifestOnly) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  size_t before = server.requests().size();
  auto again = Pull(server.host() + "/app:v2");
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_THAT(again->repo_tags, ElementsAre(server.host() + "/app:v1", server.host() + "/app:v2"));
  EXPECT_EQ(server.requests().size() - before, 2u) << "manifest and config";
  EXPECT_EQ(layers_.stagings, 3);
  EXPECT_EQ(layers_.syncs, 1);
}

TEST_F(Store, KnowsWhichImagesWerePulledByDigest) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  EXPECT_FALSE(Pull(server.host() + "/app:v1")->pulled_by_digest);
  EXPECT_TRUE(Pull(server.host() + "/app@" + image_.manifest_digest)->pulled_by_digest);
  auto again = Pull(server.host() + "/app:v1");
  EXPECT_TRUE(again->pulled_by_digest);
  EXPECT_THAT(again->repo_tags, ElementsAre(server.host() + "/app:v1"));
}

TEST_F(Store, ReadsItsRecordsAgainAndDoesNotListImagesThatMissALayer) {
  FakeServer server([this](const FakeRequest& request) { return Serve(image_, request); });
  auto pulled = Pull(server.host() + "/app:v1");
  ASSERT_TRUE(pulled);
  Reopen();
  EXPECT_EQ(*store_->Find("" + server.host() + "/app:v1"), *pulled);
  ASSERT_TRUE(layers_.Remove(pulled->chain_ids[1]));
  Reopen();
  EXPECT_THAT(store_->List(), IsEmpty());
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  EXPECT_TRUE(layers_.Has(pulled->chain_ids[1]));
}

TEST_F(Store, RemovalTakesTheLayersThatNobodyElseNeeds) {
  TestImage other = TestImage::Make({image_.layers[0], GzipLayer(TarBuilder().File("other", "").Finish())});
  FakeServer server([&](const FakeRequest& request) {
    return Serve(request.target.find("/other/") != std::string::npos ? other : image_, request);
  });
  auto image = Pull(server.host() + "/app");
  auto second = Pull(server.host() + "/other");
  ASSERT_TRUE(image && second);
  EXPECT_EQ(layers_.stagings, 4) << "the common layer is fetched once";
  auto held = store_->FindAndHold(server.host() + "/app");
  ASSERT_TRUE(held);
  ASSERT_TRUE(store_->Remove(server.host() + "/app"));
  EXPECT_FALSE(store_->Find(image->id));
  EXPECT_THAT(layers_.Layers(), SizeIs(4));
  held->layers.Release();
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
  EXPECT_TRUE(layers_.Has(second->chain_ids[0]));
  ASSERT_TRUE(store_->Remove(second->id));
  ExpectNothingLeft();
  EXPECT_TRUE(store_->Remove("never-heard-of"));
}

TEST_F(Store, IdenticalPullsAtTheSameTimeAreOne) {
  std::mutex mutex;
  std::condition_variable changed;
  int callers = 0;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target.find("/blobs/" + image_.config_digest) != std::string::npos) {
      std::unique_lock lock(mutex);  // until both are aboard
      changed.wait(lock, [&] { return callers == 2; });
    }
    return Serve(image_, request);
  });
  auto caller = [&] {
    bool counted = false;
    // Asked from the moment that the caller is aboard.
    auto cancelled = [&, counted]() mutable {
      std::lock_guard lock(mutex);
      if (!counted) {
        counted = true;
        ++callers;
        changed.notify_all();
      }
      return false;
    };
    EXPECT_TRUE(store_->Pull({server.host() + "/app:v1", std::nullopt, 0, cancelled}));
  };
  std::thread one(caller);
  std::thread two(caller);
  one.join();
  two.join();
  EXPECT_EQ(layers_.stagings, 3);
  EXPECT_THAT(server.requests(), SizeIs(5));
}

TEST_F(Store, DifferentImagesShareALayerInFlight) {
  TestImage other = TestImage::Make({image_.layers[0], GzipLayer(TarBuilder().File("other", "").Finish())});
  FakeServer server([&](const FakeRequest& request) {
    return Serve(request.target.find("/other/") != std::string::npos ? other : image_, request);
  });
  for (int round = 0; round < 5; ++round) {
    std::thread one([&] { EXPECT_TRUE(Pull(server.host() + "/app")); });
    std::thread two([&] { EXPECT_TRUE(Pull(server.host() + "/other")); });
    one.join();
    two.join();
    EXPECT_EQ(layers_.stagings, 4 * (round + 1));
    for (const ImageSummary& image : store_->List()) ASSERT_TRUE(store_->Remove(image.id));
    EXPECT_THAT(layers_.Layers(), IsEmpty());
  }
}

TEST_F(Store, OtherImagesCanBeRemovedDuringASync) {
  TestImage other = TestImage::Make({GzipLayer(TarBuilder().File("other", "").Finish())});
  FakeServer server([&](const FakeRequest& request) {
    return Serve(request.target.find("/other/") != std::string::npos ? other : image_, request);
  });
  ASSERT_TRUE(Pull(server.host() + "/other"));
  std::future<Result<>> removal;
  layers_.on_sync = [&] {
    removal = std::async(std::launch::async, [&] { return store_->Remove(server.host() + "/other"); });
    EXPECT_EQ(removal.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  };
  ASSERT_TRUE(Pull(server.host() + "/app"));
  EXPECT_TRUE(removal.get());
  EXPECT_THAT(store_->List(), SizeIs(1));
}

TEST_F(Store, ARemovalThatIsRefusedChangesNothing) {
  FakeServer server([&](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(server.host() + "/app"));
  std::string id = store_->List().at(0).id;
  auto refuse = [&](const ImageSummary& image) -> Result<> {
    return Fail(Code::kFailedPrecondition, "remove", image.id, "it is in use");
  };
  EXPECT_EQ(store_->Remove(id, refuse).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(store_->Settle(id));
  EXPECT_THAT(store_->List(), SizeIs(1));
}

// Who finds the image after Settle is seen by each later removal; an earlier one is complete.
TEST_F(Store, SettleWaitsForARemovalThatHasBegun) {
  FakeServer server([&](const FakeRequest& request) { return Serve(image_, request); });
  ASSERT_TRUE(Pull(server.host() + "/app"));
  std::string id = store_->List().at(0).id;
  std::future<Result<>> settled;
  auto allow = [&](const ImageSummary&) -> Result<> {
    settled = std::async(std::launch::async, [&] { return store_->Settle(id); });
    EXPECT_EQ(settled.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    return {};
  };
  ASSERT_TRUE(store_->Remove(id, allow));
  EXPECT_EQ(settled.get().error().code, Code::kNotFound);
}

TEST_F(Store, ChoosesThePlatformFromAnIndex) {
  TestImage foreign = TestImage::Make({}, "sparc64");
  std::string index =
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      foreign.manifest_digest + R"(","size":1,"platform":{"os":"linux","architecture":"sparc64"}},)" +
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + image_.manifest_digest +
      R"(","size":1,"platform":{"os":"linux","architecture":"amd64"}}]})";
  config_.arch = "amd64";
  image_ = TestImage::Make(image_.layers, "amd64");
  index.replace(index.rfind("sha256:"), 71, image_.manifest_digest);
  Reopen();
  FakeServer server([&](const FakeRequest& request) {
    if (!request.target.ends_with("/manifests/latest")) return Serve(image_, request);
    return FakeResponse{200, {"Content-Type: application/vnd.oci.image.index.v1+json"}, index, -1, false};
  });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->id, image_.config_digest);
  EXPECT_THAT(pulled->repo_digests, ElementsAre(server.host() + "/app@" + *Sha256Of(index)));
  config_.arch = "s390x";
  Reopen();
  auto none = Pull(server.host() + "/app");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().ToString(), HasSubstr("linux/s390x"));
}

// As `docker buildx imagetools` makes them of several builds.
TEST_F(Store, FindsTheImageInTheSecondOfTwoNestedIndexes) {
  auto entry = [](const std::string& kind, const std::string& digest, const std::string& more = "") {
    return R"({"mediaType":"application/vnd.oci.image.)" + kind + R"(.v1+json","size":1,"digest":")" +
           digest + "\"" + more + "}";
  };
  auto list = [](const std::string& entries) {
    return R"({"schemaVersion":2,"manifests":[)" + entries + "]}";
  };
  TestImage foreign = TestImage::Make({}, "sparc64");
  const char* sparc = R"(,"platform":{"os":"linux","architecture":"sparc64"})";
  std::string first = list(entry("manifest", foreign.manifest_digest, sparc));
  std::string second = list(entry("manifest", image_.manifest_digest));
  std::string root = list(entry("index", *Sha256Of(first)) + "," + entry("index", *Sha256Of(second)));
  image_.blobs[*Sha256Of(first)] = first;
  image_.blobs[*Sha256Of(second)] = second;
  FakeServer server([&](const FakeRequest& request) {
    if (!request.target.ends_with("/manifests/latest")) return Serve(image_, request);
    return FakeResponse{200, {"Content-Type: application/vnd.oci.image.index.v1+json"}, root, -1, false};
  });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->id, image_.config_digest);
  EXPECT_THAT(pulled->repo_digests, ElementsAre(server.host() + "/app@" + *Sha256Of(root)));
  EXPECT_THAT(store_->ReadWithIndexes(pulled->id)->indexes,
              ElementsAre(IndexDocument{*Sha256Of(root), root}, IndexDocument{*Sha256Of(second), second}));
}

// Stores of older releases have none.
TEST_F(Store, ThePullOfAKnownImageKeepsItsIndex) {
  std::string index =
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      image_.manifest_digest + R"(","size":)" + std::to_string(image_.manifest.size()) + "}]}";
  FakeServer server([&](const FakeRequest& request) {
    if (request.target.find("/manifests/v1") == std::string::npos) return Serve(image_, request);
    return FakeResponse{200, {"Content-Type: application/vnd.oci.image.index.v1+json"}, index};
  });
  auto pulled = Pull(server.host() + "/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  std::vector<IndexDocument> indexes = {{*Sha256Of(index), index}};
  EXPECT_EQ(records_.records[pulled->id].indexes, indexes);
  records_.records[pulled->id].indexes.clear();
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  EXPECT_EQ(records_.records[pulled->id].indexes, indexes);
  EXPECT_TRUE(Pull(server.host() + "/app:v1")->unchanged);
  ASSERT_TRUE(Pull(server.host() + "/app:v2"));
  EXPECT_EQ(records_.records[pulled->id].indexes, indexes) << "this pull needed none";
}

}  // namespace
}  // namespace davit::images
