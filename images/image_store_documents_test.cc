// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the store keeps the documents of images, and how large they may be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(Store, DocumentsAreInTheRecordsAlone) {
  FakeServer server([&](const FakeRequest& request) { return Serve(image_, request); });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  records_.records[pulled->id].config_json = "read again";
  EXPECT_EQ(store_->Read("app@" + image_.manifest_digest).error().code, Code::kNotFound);
  EXPECT_EQ(store_->Read(pulled->id)->config_json, "read again");
  EXPECT_EQ(store_->FindAndHold(pulled->id)->record.config_json, "read again");
  records_.records.clear();
  EXPECT_EQ(store_->FindAndHold(pulled->id).error().code, Code::kNotFound);
  EXPECT_THAT(store_->List(), SizeIs(1)) << "a list reads no records";
}

TEST_F(Store, AnImageThatLosesItsTagKeepsItsDocuments) {
  TestImage other = TestImage::Make(image_.layers, "", R"("author":"other",)");
  bool moved = false;
  FakeServer server([&](const FakeRequest& request) { return Serve(moved ? other : image_, request); });
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  moved = true;
  ASSERT_TRUE(Pull(server.host() + "/app:v1"));
  auto untagged = store_->Read(image_.config_digest);
  ASSERT_TRUE(untagged) << untagged.error().ToString();
  EXPECT_THAT(untagged->repo_tags, IsEmpty());
  EXPECT_EQ(untagged->config_json, image_.config);
}

TEST_F(Store, TheSizeOfDocumentsIsLimited) {
  TestImage image = TestImage::Make({}, "", R"("author":")" + std::string(1 << 20, 'x') + R"(",)");
  FakeServer server([&](const FakeRequest& request) { return Serve(image, request); });
  auto config = Pull(server.host() + "/app");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kResourceExhausted);
  EXPECT_THAT(config.error().ToString(), HasSubstr("config is larger than 1 MiB"));
  image = TestImage::Make({});
  image.manifest += std::string(4 << 20, ' ');
  image.manifest_digest = *Sha256Of(image.manifest);
  image.blobs[image.manifest_digest] = image.manifest;
  auto manifest = Pull(server.host() + "/app");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Code::kResourceExhausted);
  EXPECT_THAT(manifest.error().ToString(), HasSubstr("the answer is too large"));
  ExpectNothingLeft();
}

TEST_F(Store, TheUserIsKnownWithoutTheConfigAndBounded) {
  TestImage image =
      TestImage::Make({}, "", R"("author":"",)", R"("User":")" + std::string(5000, 'u') + R"(",)");
  FakeServer server([&](const FakeRequest& request) { return Serve(image, request); });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(pulled->user, std::string(256, 'u'));
}

}  // namespace
}  // namespace davit::images
