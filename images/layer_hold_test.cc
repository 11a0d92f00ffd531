// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_hold.h"

#include <gmock/gmock.h>

#include <utility>

#include "images/image_store.h"
#include "images/testing/fake_stores.h"
#include "images/testing/scratch_dir.h"

namespace davit::images {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST(LayerHold, TheLastOwnerReleasesOnce) {
  int released = 0;
  {
    LayerHold owner;
    {
      LayerHold first([&released] { ++released; });
      owner = std::move(first);
    }
    EXPECT_EQ(released, 0);
    owner.Release();
    owner.Release();
    EXPECT_EQ(released, 1);
  }
  EXPECT_EQ(released, 1);
}

constexpr char kTop[] = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
constexpr char kBottom[] = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

// A store that knows one image of two layers.
class HeldImageTest : public testing::Test {
 protected:
  void SetUp() override {
    ImageRecord image;
    image.id = "sha256:3333333333333333333333333333333333333333333333333333333333333333";
    image.chain_ids = {kBottom, kTop};
    image.repo_tags = {"localhost/app:v1"};
    for (const std::string& layer : image.chain_ids) std::filesystem::create_directory(layers_.Path(layer));
    ASSERT_TRUE(records_.Put(image));
    auto store = ImageStore::Open({}, layers_, records_, *blobs_);
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }

  ScratchDir scratch_;
  DirLayerStore layers_{scratch_.path()};
  MemoryRecords records_;
  std::unique_ptr<BlobStore> blobs_ = *BlobStore::Create(scratch_ / "blobs");
  std::unique_ptr<ImageStore> store_;
};

TEST_F(HeldImageTest, LayersStayUntilTheLastHoldEnds) {
  auto one = store_->FindAndHold("localhost/app:v1");
  ASSERT_TRUE(one) << one.error().ToString();
  LayerHold two = store_->Hold({kBottom});
  ASSERT_TRUE(store_->Remove(one->record.id));
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
  EXPECT_THAT(store_->LiveLayers(), UnorderedElementsAre(kBottom, kTop));
  one->layers.Release();
  EXPECT_TRUE(layers_.Has(kBottom));
  EXPECT_FALSE(layers_.Has(kTop));
  two = LayerHold();
  EXPECT_THAT(layers_.Layers(), IsEmpty());
}

TEST_F(HeldImageTest, AnImageKeepsItsLayersWhenAHoldEnds) {
  ASSERT_TRUE(store_->FindAndHold("localhost/app:v1"));  // the hold ends at once
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
}

TEST_F(HeldImageTest, AnImageThatIsNotThereHoldsNothing) {
  EXPECT_EQ(store_->FindAndHold("localhost/other").error().code, Code::kNotFound);
}

TEST_F(HeldImageTest, LayersOfRunningContainersOutliveTheDaemonsObjects) {
  auto held = store_->FindAndHold("localhost/app:v1");
  ASSERT_TRUE(held);
  ASSERT_TRUE(store_->Remove(held->record.id));
  store_->KeepReleased();
  held->layers = LayerHold();
  EXPECT_THAT(layers_.Layers(), SizeIs(2));
}

}  // namespace
}  // namespace davit::images
