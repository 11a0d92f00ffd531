// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/manifest_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "images/digest.h"
#include "images/image_indexes.h"
#include "images/testing/test_image.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Platform kHost = {"linux", "amd64", ""};

// A registry of documents by digest.
class ManifestSearch : public ::testing::Test {
 protected:
  // A manifest of an image for this architecture; returns its digest.
  std::string Image(const std::string& architecture) {
    TestImage image = TestImage::Make({}, architecture);
    documents_.insert(image.blobs.begin(), image.blobs.end());
    configs_[image.manifest_digest] = image.config_digest;
    return image.manifest_digest;
  }
  std::string Document(const std::string& json) {
    std::string digest = *Sha256Of(json);
    documents_[digest] = json;
    return digest;
  }
  static std::string Entry(const std::string& digest, const std::string& architecture = "") {
    std::string platform = R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}";
    return R"({"size":1,"digest":")" + digest + "\"" + (architecture.empty() ? "" : platform) + "}";
  }
  static std::string IndexOf(const std::vector<std::string>& entries) {
    std::string list;
    for (const std::string& entry : entries) list += (list.empty() ? "" : ",") + entry;
    return R"({"schemaVersion":2,"manifests":[)" + list + "]}";
  }
  // An index within the one that is searched.
  std::string Nested(const std::vector<std::string>& entries) { return Document(IndexOf(entries)); }

  Result<ImageDocuments> Find(const std::vector<std::string>& entries) {
    auto get = [this](const Descriptor& descriptor) -> Result<std::string> {
      fetched_.push_back(descriptor.digest);
      if (!documents_.contains(descriptor.digest))
        return Fail(Code::kNotFound, "fetch", descriptor.digest, "unknown");
      return documents_[descriptor.digest];
    };
    std::string json = IndexOf(entries);
    auto index = ParseManifest(json, kOciIndexMediaType);
    return FindImage(std::get<Index>(*index), {"root", json}, kHost, {get, get}, "app:v1");
  }
  // The image is the one whose manifest has this digest.
  void ExpectFound(const Result<ImageDocuments>& found, const std::string& manifest) {
    ASSERT_TRUE(found) << found.error().ToString();
    EXPECT_EQ(found->manifest.config.digest, configs_[manifest]);
    EXPECT_EQ(found->manifest_json, documents_[manifest]);
    EXPECT_EQ(found->config_json, documents_[configs_[manifest]]);
  }

  std::map<std::string, std::string> documents_;
  std::map<std::string, std::string> configs_;  // digests, by that of the manifest
  std::vector<std::string> fetched_;
};

TEST_F(ManifestSearch, GoesOnBehindAnIndexThatHasNothingForThePlatform) {
  std::string ours = Image("amd64");
  std::string foreign = Nested({Entry(Image("s390x"), "s390x")});
  auto found = Find({Entry(foreign), Entry(Nested({Entry(ours, "amd64")}))});
  ExpectFound(found, ours);
  EXPECT_TRUE(found->by_index);
  ExpectFound(Find({Entry(Nested({Entry(foreign), Entry(foreign), Entry(ours, "amd64")}))}), ours);
  ExpectFound(Find({Entry(foreign, "amd64"), Entry(ours, "amd64")}), ours);
}

TEST_F(ManifestSearch, TakesTheWordOfAnEntryBeforeItLooksElsewhere) {
  std::string said = Image("s390x");
  auto found = Find({Entry(Image("amd64")), Entry(said, "amd64")});
  ExpectFound(found, said);
  EXPECT_TRUE(found->by_index);
  EXPECT_THAT(fetched_, ElementsAre(said, configs_[said]));
}

TEST_F(ManifestSearch, TheConfigDecidesAboutEntriesWithoutAPlatform) {
  std::string foreign = Image("s390x");
  std::string ours = Image("amd64");
  auto found = Find({Entry(foreign), Entry(ours)});
  ExpectFound(found, ours);
  EXPECT_FALSE(found->by_index);
  ExpectFound(Find({Entry(foreign)}), foreign);
}

TEST_F(ManifestSearch, SkipsWhatIsMissingOrNoImage) {
  std::string ours = Image("amd64");
  std::string artifact = Document(
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":")" +
      ours + R"(","size":1},"layers":[]})");
  std::string missing = "sha256:" + std::string(64, '0');
  ExpectFound(Find({Entry(artifact), Entry(missing), Entry(ours)}), ours);
  auto none = Find({Entry(artifact)});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().ToString(), HasSubstr("not a container image"));
  EXPECT_FALSE(Find({Entry(missing, "amd64"), Entry(ours)})) << "the index says that this is it";
}

// As a builder lists an SBOM, or `oras attach` a file, beside the image.
TEST_F(ManifestSearch, TakesAnArtifactOnlyIfThereIsNoImage) {
  std::string artifact =
      Document(R"({"schemaVersion":2,"artifactType":"text/plain","config":{"mediaType":)"
               R"("application/vnd.oci.empty.v1+json","digest":")" +
               *Sha256Of("{}") + R"(","size":2},"layers":[{"mediaType":"text/plain","size":1,"digest":")" +
               *Sha256Of("a") + R"(","annotations":{"org.opencontainers.image.title":"sbom"}}]})");
  std::string ours = Image("amd64");
  std::string foreign = Image("s390x");
  ExpectFound(Find({Entry(artifact), Entry(ours)}), ours);
  ExpectFound(Find({Entry(Nested({Entry(artifact)})), Entry(foreign)}), foreign);
  fetched_.clear();
  auto found = Find({Entry(artifact)});
  ASSERT_TRUE(found) << found.error().ToString();
  EXPECT_TRUE(found->manifest.artifact);
  EXPECT_THAT(fetched_, ElementsAre(artifact)) << "its config says nothing";
  EXPECT_TRUE(Find({Entry(ours), Entry(artifact, "amd64")})->manifest.artifact) << "the index says so";
}

TEST_F(ManifestSearch, ReturnsTheIndexesThatLeadToTheImage) {
  std::string ours = Image("amd64");
  std::string elsewhere = Nested({Entry(Image("s390x"), "s390x")});
  std::string inner = Nested({Entry(ours, "amd64")});
  std::string outer = Nested({Entry(elsewhere), Entry(inner)});
  std::vector<std::string> root = {Entry(elsewhere), Entry(outer)};
  auto found = Find(root);
  ExpectFound(found, ours);
  EXPECT_THAT(found->indexes,
              ElementsAre(IndexDocument{"root", IndexOf(root)}, IndexDocument{outer, documents_[outer]},
                          IndexDocument{inner, documents_[inner]}));

  found = Find({Entry(Nested({Entry(Image("s390x"))}))});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->indexes.size(), 2U) << "one that needs an emulator has them, too";
}

TEST_F(ManifestSearch, ReturnsNoIndexesThatAreTooLargeToKeep) {
  std::string ours = Image("amd64");
  std::string padding = "]," + std::string(kMostIndexBytes / 2, ' ') + R"("a":[)";
  auto padded = [&](const std::string& entry) {
    return Document(R"({"schemaVersion":2,"manifests":[)" + entry + padding + "]}");
  };
  auto found = Find({Entry(padded(Entry(ours, "amd64")))});
  ExpectFound(found, ours);
  EXPECT_EQ(found->indexes.size(), 2U);
  found = Find({Entry(padded(Entry(padded(Entry(ours, "amd64")))))});
  ExpectFound(found, ours);
  EXPECT_THAT(found->indexes, IsEmpty());
}

TEST_F(ManifestSearch, EndsAfterSixteenDocuments) {
  auto empty_indexes = [this](size_t count) {
    std::vector<std::string> entries;
    for (size_t i = 0; i < count; ++i) entries.push_back(Entry(Nested({Entry(Image("s390x"), "s390x")})));
    return entries;
  };
  std::string ours = Image("amd64");
  std::vector<std::string> entries = empty_indexes(14);
  entries.push_back(Entry(ours));
  ExpectFound(Find(entries), ours);
  EXPECT_EQ(fetched_.size(), 16u);
  fetched_.clear();
  entries.insert(entries.begin(), entries.front());
  auto refused = Find(entries);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_EQ(fetched_.size(), 16u);

  std::string deep = ours;
  for (size_t i = 1; i < kMaxIndexNesting; ++i) deep = Nested({Entry(deep)});
  auto deepest = Find({Entry(deep)});
  ExpectFound(deepest, ours);
  EXPECT_EQ(deepest->indexes.size(), kMaxIndexNesting) << "PathToManifest finds it";
  EXPECT_EQ(Find({Entry(Nested({Entry(deep)}))}).error().code, Code::kResourceExhausted);
}

TEST_F(ManifestSearch, SaysForWhichPlatformThereIsNone) {
  auto none = Find({Entry(Image("s390x"), "s390x")});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kNotFound);
  EXPECT_THAT(none.error().ToString(), HasSubstr("app:v1"));
  EXPECT_THAT(none.error().ToString(), HasSubstr("linux/amd64"));
}

}  // namespace
}  // namespace davit::images
