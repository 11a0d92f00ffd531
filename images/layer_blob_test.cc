// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/layer_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file_io.h"
#include "images/testing/scratch_dir.h"

namespace davit::images {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class LayerBlobTest : public ::testing::Test {
 protected:
  LayerBlobTest() {
    for (size_t i = 0; i < text_.size(); ++i) text_[i] = static_cast<char>(i * 7 + i / 1000);
    descriptor_.digest = *Sha256Of(text_);
    descriptor_.size = static_cast<int64_t>(text_.size());
  }
  LayerBlob Open() { return LayerBlob(*blobs_, descriptor_, retention_); }
  // All that the blob has kept.
  static std::string KeptIn(LayerBlob& blob) {
    std::string kept;
    while (true) {
      std::string piece = blob.Kept(static_cast<int64_t>(kept.size()));
      if (piece.empty()) return kept;
      kept += piece;
    }
  }
  // A pull that ends after so many bytes.
  void PullPart(size_t bytes) {
    LayerBlob blob = Open();
    blob.Begin();
    std::string kept = KeptIn(blob);
    blob.Append(kept);
    blob.Append(std::string_view(text_).substr(kept.size(), bytes - kept.size()));
  }
  std::string CompleteFile() { return scratch_ / ("blobs/sha256/" + descriptor_.digest.substr(7)); }

  ScratchDir scratch_;
  std::unique_ptr<BlobStore> blobs_ = *BlobStore::Create(scratch_ / "blobs");
  Retention retention_{.unfinished_ms = 1000, .blobs = false, .min_free_percent = 0};
  std::string text_ = std::string((1 << 20) + 500'000, '\0');
  Descriptor descriptor_;
};

TEST_F(LayerBlobTest, KeepsWhatAPullHasReceived) {
  PullPart(1'000'000);
  PullPart(1'100'000);
  LayerBlob blob = Open();
  EXPECT_EQ(KeptIn(blob), text_.substr(0, 1'100'000));
}

TEST_F(LayerBlobTest, IsDroppedOnceTheLayerIsCommitted) {
  PullPart(text_.size());
  Open().Commit();
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(LayerBlobTest, BecomesACompleteBlobWhereBlobsAreKept) {
  retention_ = {.unfinished_ms = 0, .blobs = true, .min_free_percent = 0};
  PullPart(text_.size());
  Open().Commit();
  EXPECT_EQ(blobs_->Open(descriptor_.digest)->size, descriptor_.size);
  LayerBlob blob = Open();
  EXPECT_EQ(KeptIn(blob), text_);
  blob.Drop();
  blob.Commit();
  EXPECT_TRUE(blobs_->Has(descriptor_.digest));
}

TEST_F(LayerBlobTest, IsNotCopiedIfNothingIsToBeKept) {
  retention_.unfinished_ms = 0;
  PullPart(text_.size());
  retention_ = {.unfinished_ms = 1000, .blobs = false, .min_free_percent = 101};
  PullPart(text_.size());
  text_.resize(1'048'575);
  descriptor_ = {"", *Sha256Of(text_), static_cast<int64_t>(text_.size()), std::nullopt, {}};
  retention_.min_free_percent = 0;
  PullPart(text_.size());
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(LayerBlobTest, APartialBlobIsDroppedWhenTheDiskIsShort) {
  PullPart(1'000'000);
  retention_.min_free_percent = 101;
  LayerBlob blob = Open();
  EXPECT_EQ(KeptIn(blob), "");
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(LayerBlobTest, WrongBytesAreWrittenAgain) {
  PullPart(1'000'000);
  LayerBlob blob = Open();
  blob.Begin();
  blob.Append(KeptIn(blob));
  blob.Discard();
  EXPECT_EQ(KeptIn(blob), "");
  blob.Begin();
  blob.Append(std::string(1000, 'x'));
  EXPECT_EQ(KeptIn(blob), std::string(1000, 'x'));
}

TEST_F(LayerBlobTest, OnlyOnePullCopies) {
  LayerBlob first = Open();
  LayerBlob second = Open();
  for (LayerBlob* blob : {&second, &first}) {
    blob->Begin();
    blob->Append(text_);
  }
  EXPECT_EQ(KeptIn(second), "");
  second.Commit();
  EXPECT_EQ(KeptIn(first), text_);
}

TEST_F(LayerBlobTest, ACompleteBlobThatHasRottedIsReplaced) {
  auto writer = *blobs_->Begin(descriptor_);
  ASSERT_TRUE(writer->Write(text_));
  ASSERT_TRUE(writer->Commit());
  std::ofstream(CompleteFile(), std::ios::in) << "rot";
  LayerBlob blob = Open();
  EXPECT_EQ(KeptIn(blob).substr(0, 3), "rot");
  blob.Discard();
  EXPECT_FALSE(blobs_->Has(descriptor_.digest));
  blob.Begin();
  blob.Append(text_);
  blob.Commit();
  EXPECT_EQ(*ReadFile(CompleteFile()), text_);
}

TEST_F(LayerBlobTest, AManifestThatLiesAboutTheSizeDoesNotHarmACompleteBlob) {
  auto writer = *blobs_->Begin(descriptor_);
  ASSERT_TRUE(writer->Write(text_));
  ASSERT_TRUE(writer->Commit());
  descriptor_.size -= 1;
  LayerBlob blob = Open();
  EXPECT_EQ(KeptIn(blob), "");
  blob.Discard();
  EXPECT_TRUE(blobs_->Has(descriptor_.digest));
}

}  // namespace
}  // namespace davit::images
