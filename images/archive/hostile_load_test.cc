// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Loads archives that are hostile or damaged.

#include "images/digest.h"
#include "images/testing/load_fixture.h"

namespace davit::images {
namespace {

using ::testing::AnyOf;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Equal layers are symlinks in archives of docker save.
TEST_F(Load, FollowsSymlinksInsideTheArchiveOnly) {
  TestImage image = TestImage::Make({image_.layers[0], image_.layers[0]});
  std::string head = R"([{"Config":"c.json","Layers":["one/layer.tar",")";
  auto archive = [&](const std::string& second, const std::string& target) {
    return TarBuilder()
        .File("c.json", image.config)
        .File("one/layer.tar", image.layers[0].tar)
        .Symlink("two/layer.tar", target)
        .File("manifest.json", head + second + R"("]}])")
        .Finish();
  };
  auto report = LoadText(archive("two/layer.tar", "../one/layer.tar"));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->loaded, SizeIs(1));
  ASSERT_TRUE(store_->Remove(image.config_digest));
  ExpectRefused(archive("two/layer.tar", "../../../../etc/passwd"), Code::kNotFound,
                "the archive does not have it");
  ExpectRefused(archive("../../../../etc/passwd", "x"), Code::kNotFound, "the archive does not have it");
}

TEST_F(Load, RefusesWhatIsNoArchiveOfImages) {
  ExpectRefused(TarBuilder().File("hello", "world").Finish(), Code::kInvalidArgument,
                "neither the index.json");
  ExpectRefused("garbage that is longer than a header" + std::string(1000, 'x'), Code::kInvalidArgument,
                "load archive");
  ExpectRefused(TarBuilder().File("manifest.json", "[]").Finish(), Code::kInvalidArgument, "lists no image");
  ExpectRefused(TarBuilder().File("manifest.json", "{").Finish(), Code::kInvalidArgument, "manifest.json");
  ExpectRefused(TarBuilder().File("index.json", "{}").Finish(), Code::kInvalidArgument, "");
  ExpectRefused("", Code::kInvalidArgument, "neither the index.json");
}

TEST_F(Load, RefusesTruncatedArchives) {
  std::string tar = Layout(image_, "registry.example/app:v1");
  for (const std::string& whole : {tar, Gzip(tar), Zstd(tar)}) {
    auto report = LoadText(whole.substr(0, whole.size() / 2));
    // A plain archive that ends between two members only lacks files.
    if (report) {
      EXPECT_THAT(report->loaded, IsEmpty());
      ASSERT_THAT(report->failures, SizeIs(1));
    }
    const Error& error = report ? report->failures[0] : report.error();
    EXPECT_THAT(error.code, AnyOf(Code::kDataLoss, Code::kInvalidArgument, Code::kNotFound))
        << error.ToString();
    ExpectNothingLeft();
  }
}

TEST_F(Load, RefusesBlobsThatAreNotWhatTheirNamesSay) {
  const std::string layer = *Sha256Of(image_.layers[1].blob);
  for (const std::string& digest : {layer, image_.config_digest, image_.manifest_digest}) {
    TestImage changed = image_;
    changed.blobs[digest].back() ^= 1;
    ExpectRefused(Layout(changed, "registry.example/app:v1"), Code::kDataLoss, Hex(digest));
    changed.blobs[digest] += "longer";
    ExpectRefused(Layout(changed, "registry.example/app:v1"), Code::kDataLoss, Hex(digest));
    changed.blobs.erase(digest);
    ExpectRefused(Layout(changed, "registry.example/app:v1"), Code::kNotFound, Hex(digest));
    EXPECT_FALSE(blobs_->Has(layer) && digest == layer);
  }
}

TEST_F(Load, RefusesALayerOtherThanTheConfigSays) {
  TestImage changed = image_;
  changed.layers[1].tar = TarBuilder().File("a/two", "evil").Finish();
  ExpectRefused(DockerArchive(changed, "null"), Code::kDataLoss, "layer1/layer.tar");
  changed.layers[1].tar = Gzip(changed.layers[1].tar);
  ExpectRefused(DockerArchive(changed, "null"), Code::kDataLoss, "diff id");
  changed.layers.pop_back();
  ExpectRefused(DockerArchive(changed, "null"), Code::kInvalidArgument, "the number of layers");
}

// Opening a device or a FIFO could block, or do anything.
TEST_F(Load, OpensRegularFilesOnly) {
  for (char type : {'3', '6', '5'}) {
    TarMember special;
    special.name = "blobs/sha256/" + Hex(image_.manifest_digest);
    special.type = type;
    special.major = 1;
    special.minor = 5;  // /dev/zero
    TarBuilder tar;
    tar.File("index.json", IndexText({IndexEntry(image_, "registry.example/app:v1")})).Add(special);
    ExpectRefused(tar.Finish(), Code::kInvalidArgument, "not a regular file");
  }
}

TEST_F(Load, LimitsWhatAnArchiveMayCost) {
  std::vector<std::string> entries(1001, IndexEntry(image_, "registry.example/app:v1"));
  ExpectRefused(TarBuilder().File("index.json", IndexText(entries)).Finish(), Code::kInvalidArgument,
                "too many images");
  ExpectRefused(TarBuilder().File("index.json", std::string((4 << 20) + 1, ' ')).Finish(),
                Code::kResourceExhausted, "larger than");
  // A bomb: zeros beyond what the limits allow for its size, of a form that zstd reduces to nothing.
  std::string bomb = Zstd(TarBuilder().File("index.json", std::string(200 << 20, '\0')).Finish());
  ASSERT_LT(bomb.size(), 100'000u);
  ExpectRefused(bomb, Code::kResourceExhausted, "times as long as its blob");
}

// A hole costs nothing in the archive, but as much time and space as data when it becomes a blob.
TEST_F(Load, RefusesSparseFiles) {
  TarMember sparse;
  sparse.name = "layer.tar";
  sparse.data = "\x1f\x8b";
  sparse.pax = {{"GNU.sparse.size", "100000000"}, {"GNU.sparse.map", "0,2"}};
  TarBuilder tar;
  tar.File("c.json", image_.config).Add(sparse);
  tar.File("manifest.json", R"([{"Config":"c.json","Layers":["layer.tar","layer.tar","layer.tar"]}])");
  ExpectRefused(tar.Finish(), Code::kInvalidArgument, "sparse");
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

// The record would then promise blobs that no archive can have.
TEST_F(Load, RefusesAManifestThatLiesAboutABlobThatTheNodeHas) {
  ASSERT_TRUE(LoadText(Layout(image_, "registry.example/app:v1")));
  TestImage lying = image_;
  std::string size = "\"size\":" + std::to_string(image_.layers[1].blob.size());
  size_t at = lying.manifest.find(size, lying.manifest.find(Hex(*Sha256Of(image_.layers[1].blob))));
  ASSERT_NE(at, std::string::npos) << lying.manifest;
  lying.manifest.insert(at + size.size(), "0");
  lying.blobs.erase(lying.manifest_digest);
  lying.manifest_digest = *Sha256Of(lying.manifest);
  lying.blobs[lying.manifest_digest] = lying.manifest;
  auto report = LoadText(Layout(lying, "registry.example/lying:v1"));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->loaded, IsEmpty());
  ASSERT_THAT(report->failures, SizeIs(1));
  EXPECT_EQ(report->failures[0].code, Code::kDataLoss) << report->failures[0].ToString();
  EXPECT_EQ(store_->Read("registry.example/app:v1")->manifest_json, image_.manifest);
}

TEST_F(Load, CancellingLeavesNothing) {
  std::string tar = Layout(image_, "registry.example/app:v1");
  auto load = ImageLoad::Start(Context(), interrupt_);
  ASSERT_TRUE(load);
  ASSERT_TRUE((*load)->Write(std::string_view(tar).substr(0, 2000)));
  wanted_ = false;
  auto report = (*load)->Finish();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::kCancelled);
  load->reset();
  ExpectNothingLeft();
}

}  // namespace
}  // namespace davit::images
