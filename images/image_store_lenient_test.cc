// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Images that do not follow the specifications to the letter, and that nodes have to run all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(Store, AnotherOperatingSystemIsRefused) {
  config_.platform_os = "plan9";
  Reopen();
  FakeServer server([&](const FakeRequest& request) { return Serve(image_, request); });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kNotFound);
  EXPECT_THAT(pulled.error().ToString(), HasSubstr("the image is for linux/"));
}

// Of another architecture, once alone and once in an index that says it is ours.
TEST_F(Store, AnotherArchitectureIsAWarningUnlessAnIndexSaysOurs) {
  config_.arch = "s390x";
  Reopen();
  TestImage foreign = TestImage::Make(image_.layers, "riscv64");
  std::string index =
      R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      foreign.manifest_digest + R"(","size":1,"platform":{"os":"linux","architecture":"s390x"}}]})";
  FakeServer server([&](const FakeRequest& request) {
    if (!request.target.ends_with("/manifests/indexed")) return Serve(foreign, request);
    return FakeResponse{200, {"Content-Type: application/vnd.oci.image.index.v1+json"}, index, -1, false};
  });
  auto alone = Pull(server.host() + "/app:alone");
  ASSERT_TRUE(alone) << alone.error().ToString();
  EXPECT_THAT(alone->warning,
              AllOf(HasSubstr("/app:alone"), HasSubstr("linux/riscv64"), HasSubstr("linux/s390x")));
  auto indexed = Pull(server.host() + "/app:indexed");
  ASSERT_TRUE(indexed) << indexed.error().ToString();
  EXPECT_EQ(indexed->warning, "");
}

// A layer without its last padding (umoci insert), Docker's media type for OCI's, Latin-1 and null in the
// config.
TEST_F(Store, PullsWhatOtherRuntimesPull) {
  std::string tar = TarBuilder().File("f", "data").Unfinished();
  tar.resize(512 + 4);
  TestImage image = TestImage::Make({GzipLayer(tar)}, "", "\"author\":\"Andr\xe9\",",
                                    "\"Labels\":{\"a\":null,\"b\":\"\xe9\"},\"User\":\"Andr\xe9\",");
  FakeServer server([&](const FakeRequest& request) {
    FakeResponse response = Serve(image, request);
    for (std::string& header : response.headers)
      header = "Content-Type: application/vnd.docker.distribution.manifest.v2+json";
    return response;
  });
  auto pulled = Pull(server.host() + "/app");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(Content(*pulled, 0, "f"), "data");
  EXPECT_EQ(pulled->user, "Andr\xef\xbf\xbd");
  EXPECT_EQ(store_->Read(pulled->id)->config_json, image.config) << "stored as it is";
}

}  // namespace
}  // namespace davit::images
