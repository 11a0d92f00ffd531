// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pushes of whole indexes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "images/digest.h"
#include "images/image_indexes.h"
#include "images/testing/push_fixture.h"

namespace davit::images {
namespace {

using State = LayerProgress::State;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// An index with the image, one for another platform, and an attestation of it, as builders make it.
class PushIndex : public Push {
 protected:
  PushIndex() {
    for (const auto& [digest, blob] : other_.blobs) source_.blobs["app@" + digest] = blob;
    source_.blobs["app@" + *Sha256Of(kStatement)] = kStatement;
    for (const std::string& manifest : {image_.manifest, other_.manifest, attestation_, index_})
      source_.manifests["app@" + *Sha256Of(manifest)] = manifest;
    record_.repo_digests = {source_.host() + "/app@" + index_digest_};
  }
  static std::string Entry(const std::string& manifest, const std::string& more) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + *Sha256Of(manifest) +
           R"(","size":)" + std::to_string(manifest.size()) + more + "}";
  }
  static std::string Platform(const std::string& architecture) {
    return R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}";
  }
  void ExpectWhole(FakeRegistry& target, const std::string& repository, const std::string& tag) {
    EXPECT_EQ(target.manifests[repository + ":" + tag], index_);
    EXPECT_EQ(target.manifest_types[repository + ":" + tag], kOciIndexMediaType);
    for (const std::string& manifest : {image_.manifest, other_.manifest, attestation_})
      EXPECT_EQ(target.manifests[repository + "@" + *Sha256Of(manifest)], manifest);
    for (const auto& [digest, blob] : source_.blobs) {
      std::string name = digest.substr(digest.find('@') + 1);
      if (name != image_.manifest_digest && name != other_.manifest_digest) {
        EXPECT_EQ(target.blobs[repository + "@" + name], blob) << name;
      }
    }
  }

  static constexpr char kStatement[] = R"({"_type":"https://in-toto.io/Statement/v0.1"})";
  const TestImage other_ = TestImage::Make({GzipLayer(TarBuilder().File("b", "2").Finish())}, "sparc64");
  const std::string attestation_ =
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
      other_.config_digest + R"(","size":)" + std::to_string(other_.config.size()) +
      R"(},"layers":[{"mediaType":"application/vnd.in-toto+json","digest":")" + *Sha256Of(kStatement) +
      R"(","size":)" + std::to_string(sizeof kStatement - 1) + "}]}";
  const std::string index_ =
      R"({"schemaVersion":2,"manifests":[)" + Entry(image_.manifest, Platform("amd64")) + "," +
      Entry(other_.manifest, Platform("sparc64")) + "," + Entry(attestation_, Platform("unknown")) + "]}";
  const std::string index_digest_ = *Sha256Of(index_);
  ImageRecord record_ = Record("");
};

TEST_F(PushIndex, AllThatItNamesIsPushedAndTheDigestStays) {
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2", record_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->digest, index_digest_);
  EXPECT_EQ(pushed->size, index_.size());
  EXPECT_EQ(pushed->warning, "");
  ExpectWhole(target, "copy", "v2");
  EXPECT_EQ(target.Steps().back(), "PUT manifests");
  for (const std::string& digest : Digests()) EXPECT_EQ(Last(digest), State::kDone);
}

TEST_F(PushIndex, AKeptIndexIsPushedAlsoIfItsRegistryHasItNoMore) {
  record_.indexes = {{index_digest_, index_}};
  source_.manifests.erase("app@" + index_digest_);
  source_.manifests.erase("app@" + image_.manifest_digest);
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2", record_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->digest, index_digest_);
  ExpectWhole(target, "copy", "v2");
}

TEST_F(PushIndex, WhatCannotBeHadIsNamedAndThePlatformIsPushed) {
  const std::string lost = *Sha256Of(other_.layers[0].blob);
  for (bool document : {false, true}) {
    if (document) source_.manifests.erase("app@" + other_.manifest_digest);
    source_.blobs.erase("app@" + lost);
    FakeRegistry target;
    auto pushed = PushTo(target.host() + "/copy:v2", record_);
    ASSERT_TRUE(pushed) << pushed.error().ToString();
    EXPECT_EQ(pushed->digest, image_.manifest_digest);
    EXPECT_THAT(pushed->warning,
                AllOf(HasSubstr("only the manifest for this node's platform"),
                      HasSubstr(document ? other_.manifest_digest : lost), HasSubstr(source_.host())));
    ExpectPushed(target, "copy", "v2");
    EXPECT_THAT(Digests(), SizeIs(3)) << "no other platform's blobs are shown any more";
  }
}

TEST_F(PushIndex, ATargetThatRefusesIsNotAskedForLess) {
  FakeRegistry target([](FakeRegistry&, const FakeRequest& request) -> std::optional<FakeResponse> {
    if (request.method == "POST") return FakeResponse{403, {}, ""};
    return std::nullopt;
  });
  auto pushed = PushTo(target.host() + "/copy:v2", record_);
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kPermissionDenied);
  EXPECT_LE(std::ranges::count(target.Steps(), "POST upload"), 3) << "once for each thread";
}

TEST_F(PushIndex, TheDigestOfTheTargetDecides) {
  FakeRegistry target;
  auto alone = PushTo(target.host() + "/copy@" + image_.manifest_digest, record_);
  ASSERT_TRUE(alone) << alone.error().ToString();
  EXPECT_EQ(alone->digest, image_.manifest_digest);
  EXPECT_EQ(alone->warning, "");
  auto whole = PushTo(target.host() + "/copy@" + index_digest_, record_);
  ASSERT_TRUE(whole) << whole.error().ToString();
  EXPECT_EQ(whole->digest, index_digest_);
  source_.blobs.erase("app@" + *Sha256Of(kStatement));
  FakeRegistry other;
  EXPECT_FALSE(PushTo(other.host() + "/copy@" + index_digest_, record_)) << "less has another digest";
  EXPECT_THAT(other.manifests, IsEmpty());
}

TEST_F(PushIndex, AnIndexWithoutTheImageIsNotPushed) {
  std::string foreign = R"({"schemaVersion":2,"manifests":[)" + Entry(other_.manifest, "") + "]}";
  source_.manifests["app@" + *Sha256Of(foreign)] = foreign;
  record_.repo_digests.insert(record_.repo_digests.begin(), source_.host() + "/app@" + *Sha256Of(foreign));
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2", record_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->digest, index_digest_) << "the next one has it";
  record_.repo_digests.pop_back();
  pushed = PushTo(target.host() + "/copy:v3", record_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->digest, image_.manifest_digest);
  EXPECT_THAT(pushed->warning, HasSubstr("does not have this image"));
}

// An index that names itself through others, as deep as one wants, or more than a node can hold.
TEST_F(PushIndex, AHostileIndexIsLimited) {
  std::string deep = index_;
  for (size_t i = 0; i <= kMaxIndexNesting; ++i) {
    deep =
        R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":")" +
        *Sha256Of(deep) + R"(","size":1}]})";
    source_.manifests["app@" + *Sha256Of(deep)] = deep;
  }
  std::string wide = R"({"schemaVersion":2,"manifests":[)" + Entry(image_.manifest, "");
  for (int i = 0; i < 5; ++i) {
    std::string large = R"({"schemaVersion":2,"layers":[]})" + std::string((4 << 20) - 100 - i, ' ');
    source_.manifests["app@" + *Sha256Of(large)] = large;
    wide += "," + Entry(large, "");
  }
  wide += "]}";
  source_.manifests["app@" + *Sha256Of(wide)] = wide;
  for (const auto& [index, why] : {std::pair(deep, "too deep"), std::pair(wide, "too large")}) {
    record_.repo_digests = {source_.host() + "/app@" + *Sha256Of(index)};
    FakeRegistry target;
    auto pushed = PushTo(target.host() + "/copy:v2", record_);
    ASSERT_TRUE(pushed) << pushed.error().ToString();
    EXPECT_THAT(pushed->warning, HasSubstr(why));
  }
}

// A media type becomes a header of a request that carries the user's credentials.
TEST_F(PushIndex, AMediaTypeCannotAddHeaders) {
  std::string child = R"({"schemaVersion":2,"layers":[]})";
  source_.manifests["app@" + *Sha256Of(child)] = child;
  std::string index = R"({"schemaVersion":2,"manifests":[)" + Entry(image_.manifest, "") +
                      R"(,{"mediaType":"x\r\nX-Smuggled: 1","digest":")" + *Sha256Of(child) +
                      R"(","size":1}]})";
  source_.manifests["app@" + *Sha256Of(index)] = index;
  record_.repo_digests = {source_.host() + "/app@" + *Sha256Of(index)};
  FakeRegistry target;
  auto pushed = PushTo(target.host() + "/copy:v2", record_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_THAT(pushed->warning, HasSubstr("it is no media type"));
}

}  // namespace
}  // namespace davit::images
