// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_indexes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "images/digest.h"

namespace davit::images {
namespace {

using ::testing::IsEmpty;

IndexDocument IndexOf(const std::string& digest, const std::string& padding = "") {
  std::string json =
      R"({"schemaVersion":2,"manifests":[{"size":1,"digest":")" + digest + "\"}]" + padding + "}";
  return {*Sha256Of(json), json};
}

ImageRecord RecordWith(std::vector<IndexDocument> indexes) {
  ImageRecord record;
  record.manifest_json = "{}";
  record.indexes = std::move(indexes);
  return record;
}

// Indexes of the same manifest, as a tag gets them that moves; each has so many bytes.
std::vector<IndexDocument> Indexes(size_t count, size_t bytes = 0) {
  std::vector<IndexDocument> indexes;
  for (size_t i = 0; i < count; ++i)
    indexes.push_back({"sha256:" + std::to_string(i), std::string(bytes, ' ')});
  return indexes;
}

TEST(MergeIndexes, TheNewestFourStayBesideThoseOfTheLastPull) {
  std::vector<IndexDocument> known;
  for (const IndexDocument& index : Indexes(8)) {
    known = MergeIndexes(RecordWith({index}), RecordWith(known));
    EXPECT_EQ(known.front(), index);
  }
  std::vector<IndexDocument> newest = Indexes(8);
  std::ranges::reverse(newest);
  newest.resize(1 + kMostOlderIndexes);
  EXPECT_EQ(known, newest);
}

TEST(MergeIndexes, OlderOnesStayUpTo256Kib) {
  std::vector<IndexDocument> known = Indexes(3, 100 << 10);
  std::vector<IndexDocument> pulled = {IndexOf("sha256:a", std::string(1 << 20, ' '))};
  EXPECT_EQ(MergeIndexes(RecordWith(pulled), RecordWith(known)),
            (std::vector<IndexDocument>{pulled[0], known[0], known[1]}));
}

TEST(MergeIndexes, NothingChangesIfThePullCameByAKnownOne) {
  std::vector<IndexDocument> known = Indexes(3);
  EXPECT_EQ(MergeIndexes(RecordWith({known[2]}), RecordWith(known)), known);
  EXPECT_EQ(MergeIndexes(RecordWith({}), RecordWith(known)), known);
}

TEST(MergeIndexes, ThoseOfAnotherManifestAreDropped) {
  ImageRecord known = RecordWith(Indexes(3));
  known.manifest_json = "{ }";
  EXPECT_THAT(MergeIndexes(RecordWith({}), known), IsEmpty());
}

TEST(PathToManifest, IsAsDeepAsAPullGoes) {
  ImageRecord image = RecordWith({IndexOf(*Sha256Of("{}"))});
  while (image.indexes.size() < kMaxIndexNesting)
    image.indexes.insert(image.indexes.begin(), IndexOf(image.indexes.front().digest));
  EXPECT_EQ(PathToManifest(image, image.indexes.front().digest), image.indexes);
  EXPECT_THAT(PathToManifest(image, "sha256:unknown"), IsEmpty());
  image.indexes.insert(image.indexes.begin(), IndexOf(image.indexes.front().digest));
  EXPECT_THAT(PathToManifest(image, image.indexes.front().digest), IsEmpty());
}

}  // namespace
}  // namespace davit::images
