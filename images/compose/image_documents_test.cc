// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/compose/image_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "images/digest.h"
#include "images/image_config.h"
#include "images/image_resolve.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

NewLayer Layer() {
  NewLayer layer;
  layer.blob.digest = kOther;
  layer.blob.size = 42;
  layer.diff_id = kOther;
  return layer;
}

ImageRecord Base(const std::string& media_type, const std::string& layer_type) {
  ImageRecord base;
  base.config_json =
      R"({"architecture":"amd64","os":"linux","unknown":{"stays":true},"container_config":{"Cmd":["old"]},)"
      R"("config":{"Entrypoint":["/e"],"Cmd":["c"],"Env":["A=1","B=2"],"Labels":{"l":"1"}},)"
      R"("rootfs":{"type":"layers","diff_ids":[")" +
      kDigest + R"("]},"history":[{"created_by":"first"}]})";
  base.manifest_json = R"({"schemaVersion":2,"mediaType":")" + media_type +
                       R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
                       kDigest + R"(","size":1},"layers":[{"mediaType":")" + layer_type + R"(","digest":")" +
                       kDigest +
                       R"(","size":7}],"annotations":{"org.opencontainers.image.ref.name":"of the base"}})";
  return base;
}

ImageRecord OciBase() {
  return Base("application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.layer.v1.tar+zstd");
}

const Platform kPlatform = {"linux", "arm64", "v8"};

TEST(ComposeImageTest, ALayerIsPutOnTheBase) {
  ImageRecord base = OciBase();
  auto documents = ComposeImage(&base, kPlatform, {}, Layer(), {"2026-01-02T03:04:05Z", "sh", "me", "why"});
  ASSERT_TRUE(documents) << documents.error().ToString();
  auto image = DescribeImage(*documents, "test", {"linux", "amd64", ""});
  ASSERT_TRUE(image) << image.error().ToString();
  EXPECT_THAT(image->diff_ids, ElementsAre(kDigest, kOther));
  EXPECT_EQ(image->layers[0].media_type, "application/vnd.oci.image.layer.v1.tar+zstd");
  EXPECT_EQ(image->layers[1].media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
  EXPECT_EQ(image->layers[1].size, 42);
  EXPECT_EQ(image->record.id, *Sha256Of(documents->config_json));
  EXPECT_THAT(documents->config_json, HasSubstr(R"("unknown":{"stays":true})"));
  EXPECT_THAT(documents->config_json, HasSubstr(R"("author":"me")"));
  EXPECT_THAT(documents->config_json, HasSubstr(R"({"created_by":"first"},)"));
  EXPECT_THAT(documents->config_json, HasSubstr(R"("comment":"why")"));
  EXPECT_THAT(documents->config_json, Not(HasSubstr("container_config")));
  EXPECT_THAT(documents->manifest_json, Not(HasSubstr("of the base")));
}

TEST(ComposeImageTest, ADockerImageStaysOne) {
  ImageRecord base = Base("application/vnd.docker.distribution.manifest.v2+json",
                          "application/vnd.docker.image.rootfs.diff.tar.gzip");
  auto documents = ComposeImage(&base, kPlatform, {}, Layer(), {"now", "", "", ""});
  ASSERT_TRUE(documents) << documents.error().ToString();
  EXPECT_THAT(documents->manifest_json, Not(HasSubstr("vnd.oci")));
  EXPECT_EQ(documents->manifest.layers[1].media_type, "application/vnd.docker.image.rootfs.diff.tar.gzip");
}

TEST(ComposeImageTest, ChangesAreAppliedInOrder) {
  ImageRecord base = OciBase();
  ConfigChanges first;
  first.env = {"B=3", "C=4"};
  first.command = {{"x", "y"}};
  first.labels = {{"m", "2"}};
  ConfigChanges second;
  second.env = {"C=5"};
  second.entrypoint = {{"/new"}};
  second.exposed_ports = {"80/tcp"};
  second.volumes = {"/data"};
  second.user = "7";
  second.working_dir = "/w";
  second.stop_signal = "SIGINT";
  second.on_build = {"RUN x"};
  auto documents = ComposeImage(&base, kPlatform, {first, second}, Layer(), {"now", "", "", ""});
  ASSERT_TRUE(documents) << documents.error().ToString();
  auto config = ParseImageConfig(documents->config_json);
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_THAT(config->env, ElementsAre("A=1", "B=3", "C=5"));
  EXPECT_THAT(config->entrypoint, ElementsAre("/new"));
  EXPECT_TRUE(config->cmd.empty()) << "it was for another entrypoint";
  EXPECT_EQ(config->labels.size(), 2u);
  EXPECT_THAT(config->exposed_ports, ElementsAre("80/tcp"));
  EXPECT_THAT(config->volumes, ElementsAre("/data"));
  EXPECT_EQ(config->user, "7");
  EXPECT_EQ(config->working_dir, "/w");
  EXPECT_EQ(config->stop_signal, "SIGINT");
  EXPECT_THAT(documents->config_json, HasSubstr(R"("OnBuild":["RUN x"])"));
}

TEST(ComposeImageTest, WithoutABaseItIsForThePlatform) {
  auto documents = ComposeImage(nullptr, kPlatform, {}, Layer(), {"now", "", "", "imported"});
  ASSERT_TRUE(documents) << documents.error().ToString();
  auto config = ParseImageConfig(documents->config_json);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->architecture, "arm64");
  EXPECT_THAT(config->diff_ids, ElementsAre(kOther));
  EXPECT_TRUE(DescribeImage(*documents, "test", kPlatform));
}

TEST(ComposeImageTest, AnArtifactIsRefused) {
  ImageRecord base = OciBase();
  base.manifest_json =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("artifactType":"application/x","config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
      R"("digest":")" +
      kDigest + R"(","size":2},"layers":[{"mediaType":"application/x","digest":")" + kDigest +
      R"(","size":7}]})";
  EXPECT_FALSE(ComposeImage(&base, kPlatform, {}, Layer(), {"now", "", "", ""}));
}

}  // namespace
}  // namespace davit::images
