// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/digest.h"
#include "images/image_config.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kOne = "sha256:" + std::string(64, '1');
const std::string kTwo = "sha256:" + std::string(64, '2');
constexpr char kOciManifest[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kOciIndex[] = "application/vnd.oci.image.index.v1+json";

std::string Config(const std::string& digest = kOne) {
  return R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + digest +
         R"(","size":7})";
}
std::string Layers(const std::string& media_type = "application/vnd.oci.image.layer.v1.tar+gzip") {
  return R"("layers":[{"mediaType":")" + media_type + R"(","digest":")" + kTwo + R"(","size":9}])";
}
std::string Manifests() {
  return R"("manifests":[{"mediaType":"x","digest":")" + kOne + R"(","size":1}])";
}

std::string WhyRefused(const std::string& json, const std::string& media_type = "") {
  auto parsed = ParseManifest(json, media_type);
  return parsed ? "accepted" : parsed.error().ToString();
}

TEST(Manifest, ReadsConfigAndLayers) {
  auto parsed = ParseManifest("{\"schemaVersion\":2," + Config() + "," + Layers() + "}", kOciManifest);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  const Manifest& manifest = std::get<Manifest>(*parsed);
  EXPECT_EQ(manifest.config.digest, kOne);
  ASSERT_EQ(manifest.layers.size(), 1u);
  EXPECT_EQ(manifest.layers[0].digest, kTwo);
  EXPECT_EQ(manifest.layers[0].size, 9);
}

TEST(Manifest, ReadsAnImageWithoutLayers) {
  EXPECT_TRUE(ParseManifest("{" + Config() + ",\"layers\":null}", "application/json"));
}

TEST(Manifest, RefusesADocumentThatTwoReadersWouldReadDifferently) {
  EXPECT_THAT(WhyRefused("{" + Config() + "," + Layers() + "," + Manifests() + "}"), HasSubstr("both"));
  EXPECT_THAT(WhyRefused("{" + Config() + "," + Manifests() + "}"), HasSubstr("both"));
  EXPECT_THAT(WhyRefused("{" + Config() + "," + Layers() + "}", kOciIndex),
              HasSubstr("not what its media type says"));
  EXPECT_THAT(WhyRefused("{" + Manifests() + "}", kOciManifest), HasSubstr("not what its media type says"));
  EXPECT_THAT(
      WhyRefused("{\"mediaType\":\"" + std::string(kOciIndex) + "\"," + Config() + "," + Layers() + "}"),
      HasSubstr("not what its media type says"));
}

TEST(Manifest, TakesDockersAndOcisTypesForOneAnother) {
  constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
  constexpr char kDockerList[] = "application/vnd.docker.distribution.manifest.list.v2+json";
  auto typed = [](const std::string& type, const std::string& rest) {
    return "{\"mediaType\":\"" + type + "\"," + rest + "}";
  };
  std::string image = Config() + "," + Layers();
  EXPECT_TRUE(ParseManifest(typed(kDockerManifest, image), kOciManifest));
  EXPECT_TRUE(ParseManifest(typed(kOciManifest, image), kDockerManifest));
  EXPECT_TRUE(ParseManifest(typed(kDockerList, Manifests()), kOciIndex));
  EXPECT_TRUE(ParseManifest(typed(kOciIndex, Manifests()), kDockerList));
  EXPECT_FALSE(ParseManifest(typed(kDockerManifest, image), kOciIndex));
  EXPECT_FALSE(ParseManifest(typed(kOciManifest, image), kDockerList));
  EXPECT_FALSE(ParseManifest(typed(kDockerList, Manifests()), kOciManifest));
}

TEST(Manifest, RefusesWhatIsNoImage) {
  EXPECT_THAT(WhyRefused("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(WhyRefused("{"), HasSubstr("not JSON"));
  EXPECT_THAT(WhyRefused("{}"), HasSubstr("no config"));
  EXPECT_THAT(WhyRefused("{\"layers\":{}," + Config() + "}"), HasSubstr("\"layers\" has a wrong type"));
  EXPECT_THAT(WhyRefused("{" + Config("sha256:12") + "," + Layers() + "}"), HasSubstr("digest"));
  EXPECT_THAT(
      WhyRefused("{" + Config() + "," + Layers("application/vnd.oci.image.layer.v1.tar+encrypted") + "}"),
      HasSubstr("cannot unpack"));
  EXPECT_THAT(WhyRefused(R"({"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":")" +
                         kOne + R"(","size":1},"layers":[]})"),
              HasSubstr("helm"));
  EXPECT_EQ(ParseManifest(R"({"schemaVersion":1,"fsLayers":[]})", "").error().code, Code::kUnimplemented);
}

std::string Artifact(const std::string& title, const std::string& type = "text/plain") {
  std::string annotations =
      title.empty() ? "" : R"(,"annotations":{"org.opencontainers.image.title":")" + title + "\"}";
  return R"({"artifactType":"application/vnd.example.model",)" + Config() + R"(,"layers":[{"mediaType":")" +
         type + R"(","size":1,"digest":")" + std::string(kOne) + "\"" + annotations + "}]}";
}

TEST(Manifest, AnArtifactHasFilesWithNames) {
  auto parsed = ParseManifest(Artifact("weights/part.bin"), kOciManifest);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  const Manifest& manifest = std::get<Manifest>(*parsed);
  EXPECT_TRUE(manifest.artifact);
  EXPECT_EQ(manifest.layers[0].file_name, "weights/part.bin");
  EXPECT_THAT(WhyRefused(Artifact("")), HasSubstr("cannot unpack a layer")) << "an image's config";
  for (const char* hostile :
       {"/etc/passwd", "../up", "a/../b", "a//b", "a/", ".", ".wh.file", "a/.wh..wh..opq", "nul\\u0000"})
    EXPECT_THAT(WhyRefused(Artifact(hostile)), HasSubstr("cannot have the name")) << hostile;
}

TEST(Manifest, AnImageMayHaveAnArtifactTypeAndTitles) {
  auto parsed = ParseManifest(Artifact("layer", "application/vnd.oci.image.layer.v1.tar+gzip"), kOciManifest);
  ASSERT_TRUE(parsed) << parsed.error().ToString();
  EXPECT_FALSE(std::get<Manifest>(*parsed).artifact);
}

std::string Entry(const std::string& digest, const std::string& platform) {
  return R"({"mediaType":"x","size":1,"digest":")" + digest + "\"" + platform + "}";
}
std::string PlatformField(const std::string& os, const std::string& arch, const std::string& variant = "") {
  return R"(,"platform":{"os":")" + os + R"(","architecture":")" + arch + R"(","variant":")" + variant +
         "\"}";
}

std::string Chosen(const std::string& entries, const Platform& host) {
  auto parsed = ParseManifest("{\"manifests\":[" + entries + "]}", kOciIndex);
  if (!parsed) return parsed.error().ToString();
  const Descriptor* entry = ChoosePlatform(std::get<Index>(*parsed), host);
  return entry ? entry->digest : "none";
}

TEST(Platform, ChoosesTheHostsOwn) {
  std::string entries = Entry(kOne, PlatformField("linux", "arm64", "v8")) + "," +
                        Entry(kTwo, PlatformField("linux", "amd64")) + "," +
                        Entry("sha256:" + std::string(64, '3'), PlatformField("unknown", "unknown"));
  EXPECT_EQ(Chosen(entries, {"linux", "amd64", ""}), kTwo);
  EXPECT_EQ(Chosen(entries, {"linux", "arm64", ""}), kOne);
  EXPECT_EQ(Chosen(entries, {"linux", "s390x", ""}), "none");
  EXPECT_EQ(Chosen(entries, {"windows", "amd64", ""}), "none");
}

TEST(Platform, PrefersTheBestVariantThatRuns) {
  std::string entries = Entry(kOne, PlatformField("linux", "arm", "v6")) + "," +
                        Entry(kTwo, PlatformField("linux", "arm", "v7"));
  EXPECT_EQ(Chosen(entries, {"linux", "arm", "v7"}), kTwo);
  EXPECT_EQ(Chosen(entries, {"linux", "arm64", ""}), kTwo);
  EXPECT_EQ(Chosen(entries, {"linux", "arm", "v6"}), kOne);
  EXPECT_EQ(Chosen(Entry(kTwo, PlatformField("linux", "amd64", "v3")), {"linux", "amd64", ""}), "none");
}

TEST(Platform, TakesAnEntryWithoutAPlatformLast) {
  std::string entries = Entry(kOne, "") + "," + Entry(kTwo, PlatformField("linux", "amd64"));
  EXPECT_EQ(Chosen(entries, {"linux", "amd64", ""}), kTwo);
  EXPECT_EQ(Chosen(entries, {"linux", "riscv64", ""}), kOne);
}

TEST(ImageConfig, ReadsWhatAContainerNeeds) {
  auto config = ParseImageConfig(
      R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[")" + kOne +
      R"("]},"config":{"User":"1000:1000","Env":["A=1"],"Entrypoint":["/e"],"Cmd":null,
    "WorkingDir":"/w","StopSignal":"SIGQUIT","ExposedPorts":{"80/tcp":{}},"Volumes":{"/v":{}},"Labels":{"k":"v"},
    "Healthcheck":{"Test":["CMD","x"],"Interval":5,"Timeout":4,"StartPeriod":3,"StartInterval":2,"Retries":1},"Shell":["/s","-c"]}})");
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->user, "1000:1000");
  EXPECT_THAT(config->diff_ids, ElementsAre(kOne));
  EXPECT_THAT(config->env, ElementsAre("A=1"));
  EXPECT_THAT(config->entrypoint, ElementsAre("/e"));
  EXPECT_TRUE(config->cmd.empty());
  EXPECT_EQ(config->working_dir, "/w");
  EXPECT_EQ(config->stop_signal, "SIGQUIT");
  EXPECT_THAT(config->exposed_ports, ElementsAre("80/tcp"));
  EXPECT_THAT(config->volumes, ElementsAre("/v"));
  EXPECT_EQ(config->labels.at("k"), "v");
  EXPECT_THAT(config->healthcheck.test, ElementsAre("CMD", "x"));
  EXPECT_EQ(config->healthcheck.interval, 5);
  EXPECT_EQ(config->healthcheck.timeout, 4);
  EXPECT_EQ(config->healthcheck.start_period, 3);
  EXPECT_EQ(config->healthcheck.start_interval, 2);
  EXPECT_EQ(config->healthcheck.retries, 1);
  EXPECT_THAT(config->shell, ElementsAre("/s", "-c"));
}

TEST(ImageConfig, ReadsWhatProgramsInGoRead) {
  auto config =
      ParseImageConfig("{\"author\":\"Andr\xe9\",\"config\":{\"Labels\":{\"a\":null,\"b\":\"caf\xe9\"}}}");
  ASSERT_TRUE(config) << config.error().ToString();
  EXPECT_EQ(config->labels.at("a"), "");
  EXPECT_EQ(config->labels.at("b"), "caf\xef\xbf\xbd");
}

TEST(ImageConfig, TheUserOfASummaryIsCutBetweenCharacters) {
  ImageConfig config;
  config.user = std::string(255, 'u') + "\xc3\xa9";
  EXPECT_EQ(SummaryUser(config), std::string(255, 'u'));
  config.user = std::string(254, 'u') + "\xc3\xa9";
  EXPECT_EQ(SummaryUser(config), config.user);
}

TEST(ImageConfig, RefusesWrongTypesAndDigests) {
  EXPECT_FALSE(ParseImageConfig(R"({"config":{"Env":"A=1"}})"));
  EXPECT_FALSE(ParseImageConfig(R"({"config":{"Env":[1]}})"));
  EXPECT_FALSE(ParseImageConfig(R"({"config":[]})"));
  EXPECT_FALSE(ParseImageConfig(R"({"config":{"Healthcheck":{"Interval":"30s"}}})"));
  EXPECT_FALSE(ParseImageConfig(R"({"rootfs":{"diff_ids":["../x"]}})"));
}

TEST(Digest, ChainsLayersAsTheSpecificationSays) {
  auto chain = ChainIds({kOne, kTwo});
  ASSERT_TRUE(chain);
  EXPECT_EQ((*chain)[0], kOne);
  EXPECT_EQ((*chain)[1], *Sha256Of(kOne + " " + kTwo));
}

TEST(Digest, MatchesKnownVectors) {
  EXPECT_EQ(*Sha256Of("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::string sha512 =
      "sha512:"
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d44"
      "23643c"
      "e80e2a9ac94fa54ca49f";
  EXPECT_TRUE(VerifyDigest("abc", sha512, "text"));
  EXPECT_EQ(VerifyDigest("abd", sha512, "text").error().code, Code::kDataLoss);
}

}  // namespace
}  // namespace davit::images
