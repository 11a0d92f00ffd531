// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Blobs of images that are kept after the layers were unpacked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// A server with two images, which share the lowest layer.
class KeptBlobs : public Store {
 protected:
  void SetUp() override {
    config_.retention.blobs = true;
    config_.retention.min_free_percent = 0;
    Store::SetUp();
  }
  FakeResponse Answer(const FakeRequest& request) {
    if (on_request_) on_request_(request);
    return Serve(request.target.find("/other/") != std::string::npos ? other_ : image_, request);
  }
  std::string Blob(const TestImage& image, size_t layer) { return *Sha256Of(image.layers[layer].blob); }
  std::string Content(const std::string& digest) {
    auto blob = blobs_->Open(digest);
    return blob ? *ReadFd(blob->fd.get(), "blob") : blob.error().ToString();
  }
  void Mark(const std::string& id) {
    ImageRecord record = *store_->Read(id);
    record.keeps_blobs = true;
    ASSERT_TRUE(records_.Put(record));
  }

  TestImage other_ = TestImage::Make({image_.layers[0], GzipLayer(TarBuilder().File("other", "").Finish())});
  std::function<void(const FakeRequest&)> on_request_;
  FakeServer server_{[this](const FakeRequest& request) { return Answer(request); }};
};

TEST_F(KeptBlobs, APulledImageHasItsLayersAsBlobs) {
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(Content(Blob(image_, i)), image_.layers[i].blob);
  EXPECT_THAT(*blobs_->List(), SizeIs(3));
}

TEST_F(KeptBlobs, ALayerIsUnpackedAgainFromItsBlob) {
  auto pulled = Pull(server_.host() + "/app");
  ASSERT_TRUE(pulled);
  ASSERT_TRUE(layers_.Remove(pulled->chain_ids[1]));
  size_t before = server_.requests().size();
  config_.retention.unfinished_ms = 3'600'000;  // the store forgets the image, and may keep what it left
  Reopen();
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  EXPECT_EQ(server_.requests().size() - before, 2u) << "manifest and config";
  EXPECT_TRUE(layers_.Has(pulled->chain_ids[1]));
}

TEST_F(KeptBlobs, RemovalTakesTheBlobsThatNoOtherImageNames) {
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  ASSERT_TRUE(Pull(server_.host() + "/other/app"));
  EXPECT_THAT(*blobs_->List(), SizeIs(4));
  ASSERT_TRUE(store_->Remove(server_.host() + "/app"));
  EXPECT_THAT(*blobs_->List(), SizeIs(2));
  EXPECT_TRUE(blobs_->Has(Blob(other_, 0)));
  EXPECT_TRUE(blobs_->Has(Blob(other_, 1)));
  config_.retention.unfinished_ms = 3'600'000;
  Reopen();
  ASSERT_TRUE(store_->Remove(server_.host() + "/other/app"));
  EXPECT_THAT(*blobs_->List(), IsEmpty()) << "they are young, but not left by a failure";
}

TEST_F(KeptBlobs, WithoutTheSettingOnlyMarkedImagesKeepTheirs) {
  auto pulled = Pull(server_.host() + "/app");
  auto other = Pull(server_.host() + "/other/app");
  ASSERT_TRUE(pulled && other);
  Mark(other->id);
  config_.retention.blobs = false;
  Reopen();
  EXPECT_THAT(*blobs_->List(), SizeIs(2));
  EXPECT_TRUE(blobs_->Has(Blob(other_, 1)));
  ASSERT_TRUE(Pull(server_.host() + "/other/app:v2")) << "the mark stays";
  Reopen();
  EXPECT_THAT(*blobs_->List(), SizeIs(2));
  ASSERT_TRUE(store_->Remove(other->id));
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(KeptBlobs, AFailedPullLeavesNoneUnlessTheyAreToStay) {
  image_.blobs.erase(Blob(image_, 2));
  on_request_ = [this](const FakeRequest& request) {
    if (!request.target.ends_with(Blob(image_, 2))) return;
    while (layers_.Layers().size() < 2) usleep(1000);
  };
  EXPECT_FALSE(Pull(server_.host() + "/app"));
  EXPECT_THAT(*blobs_->List(), IsEmpty());
  config_.retention.unfinished_ms = 3'600'000;
  Reopen();
  EXPECT_FALSE(Pull(server_.host() + "/app"));
  EXPECT_THAT(*blobs_->List(), SizeIs(2));
}

TEST_F(KeptBlobs, APullHoldsTheBlobsOfItsImage) {
  ASSERT_TRUE(Pull(server_.host() + "/other/app"));
  on_request_ = [this](const FakeRequest& request) {
    if (!request.target.ends_with(Blob(image_, 2))) return;
    EXPECT_TRUE(store_->Remove(server_.host() + "/other/app"));
    EXPECT_FALSE(blobs_->Has(Blob(other_, 1)));
  };
  ASSERT_TRUE(Pull(server_.host() + "/app"));
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(blobs_->Has(Blob(image_, i))) << i;
}

TEST_F(KeptBlobs, NothingIsRemovedWhileARecordCannotBeRead) {
  auto pulled = Pull(server_.host() + "/app");
  ASSERT_TRUE(pulled && Pull(server_.host() + "/other/app"));
  records_.records[pulled->id].manifest_json = "{}";
  ASSERT_TRUE(store_->Remove(server_.host() + "/other/app"));
  EXPECT_THAT(*blobs_->List(), SizeIs(4));
}

}  // namespace
}  // namespace davit::images
