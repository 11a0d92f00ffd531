// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Loads archives of all kinds.
#include "images/archive/image_load.h"

#include <sys/stat.h>

#include "images/archive/image_save.h"
#include "images/archive/staged_files.h"
#include "images/digest.h"
#include "images/image_exchange.h"
#include "images/testing/load_fixture.h"

namespace davit::images {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(Load, TakesAnOciLayoutPlainOrCompressed) {
  std::string tar = Layout(image_, "registry.example/app:v1");
  for (const std::string& archive : {tar, Gzip(tar), Zstd(tar)}) {
    auto report = LoadText(archive);
    ASSERT_TRUE(report) << report.error().ToString();
    ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
    ASSERT_THAT(report->loaded, SizeIs(1));
    EXPECT_THAT(report->loaded[0].tags, ElementsAre("registry.example/app:v1"));
    auto image = store_->Read("registry.example/app:v1");
    ASSERT_TRUE(image) << image.error().ToString();
    EXPECT_EQ(image->id, image_.config_digest);
    EXPECT_EQ(image->manifest_json, image_.manifest);
    EXPECT_THAT(image->repo_digests, ElementsAre("registry.example/app@" + image_.manifest_digest));
    EXPECT_EQ(Content(*image, 0, "a/one"), "1");
    EXPECT_EQ(Content(*image, 2, "three"), "1");
    for (const TestLayer& layer : image_.layers) EXPECT_TRUE(blobs_->Has(*Sha256Of(layer.blob)));
    EXPECT_THAT(layers_.Staged(), IsEmpty());
    EXPECT_TRUE(image->keeps_blobs);
    ASSERT_TRUE(store_->Remove(image->id));
    EXPECT_THAT(*blobs_->List(), IsEmpty());
  }
}

TEST_F(Load, FindsTheImageInTheSecondOfTwoNestedIndexes) {
  TestImage foreign = TestImage::Make({}, "sparc64");
  std::string first =
      IndexText({IndexEntry(foreign, "", R"(,"platform":{"os":"linux","architecture":"sparc64"})")});
  std::string second = IndexText({IndexEntry(image_, "")});
  auto entry = [](const std::string& document, const std::string& more) {
    return R"({"mediaType":"application/vnd.oci.image.index.v1+json","digest":")" + *Sha256Of(document) +
           R"(","size":)" + std::to_string(document.size()) + more + "}";
  };
  std::string both = IndexText({entry(first, ""), entry(second, "")});
  TarBuilder tar;
  tar.File("oci-layout", R"({"imageLayoutVersion":"1.0.0"})")
      .File("index.json",
            IndexText(
                {entry(both, R"(,"annotations":{"io.containerd.image.name":"registry.example/app:v1"})")}));
  for (const std::string& document : {first, second, both})
    tar.File("blobs/sha256/" + Hex(*Sha256Of(document)), document);
  auto report = LoadText(AddBlobs(AddBlobs(tar, foreign), image_).Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  EXPECT_EQ(store_->Find("registry.example/app:v1")->id, image_.config_digest);
}

TEST_F(Load, ALoadedImageKeepsItsBlobsUntilItIsRemoved) {
  ASSERT_TRUE(LoadText(Layout(image_, "registry.example/app:v1")));
  Reopen();
  for (const TestLayer& layer : image_.layers) EXPECT_TRUE(blobs_->Has(*Sha256Of(layer.blob)));
  ASSERT_TRUE(store_->Remove("registry.example/app:v1"));
  EXPECT_THAT(*blobs_->List(), IsEmpty());
}

TEST_F(Load, TakesADockerArchive) {
  auto report = LoadText(DockerArchive(image_, R"(["app:v1","registry.example/team/app:v2"])"));
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  auto image = store_->Read("app:v1");
  ASSERT_TRUE(image) << image.error().ToString();
  EXPECT_EQ(image->id, image_.config_digest) << "docker's id";
  EXPECT_THAT(image->repo_tags, ElementsAre("docker.io/library/app:v1", "registry.example/team/app:v2"));
  EXPECT_THAT(image->repo_digests, IsEmpty()) << "no registry has the manifest that was made";
  EXPECT_EQ(Content(*image, 1, "a/two"), "2");
  for (const TestLayer& layer : image_.layers) EXPECT_TRUE(blobs_->Has(*Sha256Of(layer.tar)));
  std::string manifest = image->manifest_json;
  ASSERT_TRUE(store_->Remove(image->id));
  ASSERT_TRUE(LoadText(DockerArchive(image_, "null")));
  EXPECT_EQ(store_->Read(image->id)->manifest_json, manifest) << "the same archive, the same manifest";
}

TEST_F(Load, ANameThatIsNoReferenceIsLeftOut) {
  auto report = LoadText(DockerArchive(image_, R"(["UPPER case","app:v1"])"));
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->loaded, SizeIs(1));
  EXPECT_THAT(report->loaded[0].tags, ElementsAre("docker.io/library/app:v1"));
  EXPECT_THAT(report->loaded[0].warnings, ElementsAre(HasSubstr("UPPER case")));
  EXPECT_EQ(store_->Find("app:v1")->id, image_.config_digest);
  std::string many = "[\"B\"";
  for (int i = 0; i < 1000; ++i) many += ",\"A B\"";
  report = LoadText(DockerArchive(image_, many + "]"));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->loaded[0].warnings, SizeIs(21)) << "not one for each of a million";
}

// The file of a layer is hostile, too: it may belong to anybody, have set-user-ID bits, or be old.
TEST_F(Load, TheFilesOfLayersBecomeBlobsWithoutACopy) {
  TarMember layer;
  layer.name = "layer.tar";
  layer.data = image_.layers[0].tar;
  layer.mode = 04777;
  layer.uid = layer.gid = 12'345;
  TestImage image = TestImage::Make({image_.layers[0]});
  ino_t staged = 0;
  std::string archive = TarBuilder()
                            .File("c.json", image.config)
                            .Add(layer)
                            .File("manifest.json", R"([{"Config":"c.json","Layers":["layer.tar"]}])")
                            .Finish();
  auto load = ImageLoad::Start(Context(), interrupt_);
  ASSERT_TRUE(load && (*load)->Write(archive));
  auto report = (*load)->Finish([&](const std::string&, std::shared_ptr<const TransferProgress>) {
    struct stat status{};
    for (const std::string& name : layers_.Staged())
      if (stat((scratch_ / "staging/" + name + "/layer.tar").c_str(), &status) == 0) staged = status.st_ino;
  });
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  struct stat blob{};
  std::string digest = *Sha256Of(image.layers[0].tar);
  ASSERT_EQ(stat((scratch_ / "blobs/sha256/" + Hex(digest)).c_str(), &blob), 0);
  EXPECT_EQ(blob.st_ino, staged);
  EXPECT_EQ(blob.st_mode & 07777, 0600u);
  EXPECT_EQ(blob.st_uid, 0u);
  EXPECT_EQ(blob.st_gid, 0u);
  EXPECT_GT(blob.st_mtim.tv_sec, time(nullptr) - 600) << "leftovers are removed by their age";
}

TEST_F(Load, TheProgressOfEachImageIsShown) {
  std::vector<std::pair<std::string, std::shared_ptr<const TransferProgress>>> seen;
  auto load = ImageLoad::Start(Context(), interrupt_);
  ASSERT_TRUE(load && (*load)->Write(Layout(image_, "registry.example/app:v1")));
  ASSERT_TRUE((*load)->Finish([&](const std::string& name, auto progress) {
    EXPECT_THAT(progress->Read(), IsEmpty());
    seen.emplace_back(name, std::move(progress));
  }));
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].first, "registry.example/app:v1");
  ASSERT_THAT(seen[0].second->Read(), SizeIs(3));
  for (const LayerProgress& layer : seen[0].second->Read()) {
    EXPECT_EQ(layer.state, LayerProgress::State::kDone);
    EXPECT_EQ(layer.transferred, layer.size);
  }
}

TEST_F(Load, TakesSeveralImagesAndGoesOnAfterABadOne) {
  TestImage other = TestImage::Make({image_.layers[0], GzipLayer(TarBuilder().File("other", "").Finish())});
  TestImage bad = TestImage::Make({GzipLayer("this is no tar archive")});
  TarBuilder tar;
  tar.File("index.json", IndexText({IndexEntry(image_, "registry.example/app:v1"),
                                    IndexEntry(bad, "registry.example/bad:v1"),
                                    IndexEntry(other, "registry.example/other:v1"),
                                    IndexEntry(image_, "registry.example/app:latest")}));
  AddBlobs(AddBlobs(AddBlobs(tar, image_), other), bad);
  auto report = LoadText(tar.Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->loaded, SizeIs(2));
  ASSERT_THAT(report->failures, SizeIs(1));
  EXPECT_THAT(report->failures[0].ToString(), HasSubstr("load registry.example/bad:v1"));
  EXPECT_EQ(store_->Find("registry.example/app:latest")->id, image_.config_digest);
  EXPECT_EQ(store_->Find("registry.example/app:v1")->id, image_.config_digest);
  EXPECT_EQ(store_->Find("registry.example/other:v1")->id, other.config_digest);
  EXPECT_EQ(layers_.stagings, 4 + 1 + 1) << "the common layer once, the bad one, and the archive";
}

TEST_F(Load, ChoosesThePlatform) {
  TestImage foreign = TestImage::Make({}, "sparc64");
  auto on = [](const std::string& arch) {
    return R"(,"platform":{"os":"linux","architecture":")" + arch + "\"}";
  };
  std::string host = store_->platform().architecture;
  std::string nested = IndexText({IndexEntry(foreign, "", on("sparc64")), IndexEntry(image_, "", on(host))});
  std::string root = R"({"mediaType":"application/vnd.oci.image.index.v1+json","digest":")" +
                     *Sha256Of(nested) + R"(","size":)" + std::to_string(nested.size()) +
                     R"(,"annotations":{"org.opencontainers.image.ref.name":"registry.example/app:v1"}})";
  TarBuilder tar;
  tar.File("index.json", IndexText({root})).File("blobs/sha256/" + Hex(*Sha256Of(nested)), nested);
  auto report = LoadText(AddBlobs(tar, image_).Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  auto loaded = store_->ReadWithIndexes("registry.example/app:v1");
  EXPECT_THAT(loaded->repo_digests, UnorderedElementsAre("registry.example/app@" + *Sha256Of(nested),
                                                         "registry.example/app@" + image_.manifest_digest));
  EXPECT_THAT(loaded->indexes, ElementsAre(IndexDocument{*Sha256Of(nested), nested}));
  ASSERT_TRUE(store_->Remove(image_.config_digest));

  TarBuilder flat;  // a layout that is itself the index
  flat.File("index.json", nested);
  report = LoadText(AddBlobs(flat, image_).Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->loaded, SizeIs(1));
  EXPECT_EQ(report->loaded[0].id, image_.config_digest);
  ASSERT_TRUE(store_->Remove(image_.config_digest));
  ExpectRefused(TarBuilder()
                    .File("index.json", IndexText({IndexEntry(foreign, "", on("sparc64")),
                                                   IndexEntry(image_, "", on("mips"))}))
                    .Finish(),
                Code::kNotFound, "it has no image for");
}

TEST_F(Load, AMereTagIsNoName) {
  std::string text = Layout(image_, "v1");
  auto report = LoadText(text);
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->loaded, SizeIs(1));
  EXPECT_THAT(report->loaded[0].tags, IsEmpty());
  EXPECT_THAT(report->loaded[0].warnings, ElementsAre(HasSubstr("name image v1")));
  EXPECT_TRUE(store_->Find(image_.config_digest));
}

// As skopeo writes a layout with several images: each has a mere tag, and none a platform.
TEST_F(Load, MereTagsTellImagesApart) {
  TestImage other = TestImage::Make({GzipLayer(TarBuilder().File("other", "").Finish())});
  TarBuilder tar;
  tar.File("index.json", IndexText({IndexEntry(image_, "v1"), IndexEntry(other, "v2")}));
  auto report = LoadText(AddBlobs(AddBlobs(tar, image_), other).Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_THAT(report->loaded, SizeIs(2));
  EXPECT_TRUE(store_->Find(image_.config_digest));
  EXPECT_TRUE(store_->Find(other.config_digest));
}

TEST_F(Load, AmongMereTagsOnlyThisPlatformIsLoaded) {
  TestImage foreign = TestImage::Make({}, "sparc64");
  const char* sparc = R"(,"platform":{"os":"linux","architecture":"sparc64"})";
  std::string entry = IndexEntry(foreign, "v1-sparc64", sparc);
  TarBuilder both;
  both.File("index.json", IndexText({IndexEntry(image_, "v1-native"), entry}));
  auto report = LoadText(AddBlobs(AddBlobs(both, image_), foreign).Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->loaded, SizeIs(1));
  EXPECT_EQ(report->loaded[0].id, image_.config_digest);

  TarBuilder alone;
  report = LoadText(AddBlobs(alone.File("index.json", IndexText({entry})), foreign).Finish());
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->loaded, SizeIs(1));
  EXPECT_THAT(report->loaded[0].warnings, Contains(HasSubstr("need an emulator"))) << "there is no choice";
}

TEST_F(Load, WhatWasSavedIsLoadedAgainWithoutARegistry) {
  ASSERT_TRUE(LoadText(Layout(image_, "registry.example/app:v1")));
  Text archive;
  auto record = store_->Read("registry.example/app:v1");
  ASSERT_TRUE(record);
  auto saved = ImageSaver({}, blobs_.get()).Save({{*record, record->repo_tags}}, {}, archive, interrupt_);
  ASSERT_TRUE(saved) << saved.error().ToString();
  ASSERT_TRUE(store_->Remove(record->id));
  auto report = LoadText(archive.text);
  ASSERT_TRUE(report) << report.error().ToString();
  auto again = store_->Read("registry.example/app:v1");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *record);
}

// A node without a registry has pods that name the index.
TEST_F(Load, AnIndexLeavesAndComesWithTheImage) {
  std::string host = store_->platform().architecture;
  TestImage foreign = TestImage::Make({}, "sparc64");
  std::string index =
      IndexText({IndexEntry(foreign, "", R"(,"platform":{"os":"linux","architecture":"sparc64"})"),
                 IndexEntry(image_, "", R"(,"platform":{"os":"linux","architecture":")" + host + "\"}")});
  std::string digest = *Sha256Of(index);
  std::string by_digest = "registry.example/app@" + digest;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target.find("/manifests/v1") == std::string::npos) return Serve(image_, request);
    return FakeResponse{200, {"Content-Type: application/vnd.oci.image.index.v1+json"}, index};
  });
  Mirrors("registry.example", {"http://" + server.host()});
  ASSERT_TRUE(Pull("registry.example/app:v1"));
  ImageExchange exchange(Context());
  for (const std::string& name : {std::string("registry.example/app:v1"), by_digest}) {
    Text archive;
    auto saved = exchange.Save({name}, {}, archive, interrupt_);
    ASSERT_TRUE(saved) << saved.error().ToString();
    EXPECT_THAT(archive.text, HasSubstr(index));
    ASSERT_TRUE(store_->Remove(image_.config_digest));
    auto report = LoadText(archive.text);
    ASSERT_TRUE(report) << report.error().ToString();
    ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
    EXPECT_TRUE(store_->Find(name));
    EXPECT_TRUE(store_->Find(by_digest));
    EXPECT_TRUE(store_->Find("registry.example/app@" + image_.manifest_digest));
    EXPECT_THAT(store_->ReadWithIndexes(by_digest)->indexes, ElementsAre(IndexDocument{digest, index}));
    ASSERT_TRUE(store_->Tag(by_digest, "registry.example/app:v1"));
  }
  ASSERT_TRUE(store_->Tag(by_digest, "local.test/copy:2"));
  Text archive;
  ASSERT_TRUE(exchange.Save({"local.test/copy:2"}, {}, archive, interrupt_));
  ASSERT_TRUE(store_->Remove(by_digest));
  ASSERT_TRUE(LoadText(archive.text));
  EXPECT_TRUE(store_->Find("local.test/copy@" + digest)) << "another name for the same";
}

TEST_F(Load, WhatHasADigestAsItsOnlyNameIsNotLeftOver) {
  std::string by_digest = "registry.example/app@" + image_.manifest_digest;
  ASSERT_TRUE(LoadText(Layout(image_, "registry.example/app:v1")));
  EXPECT_FALSE(store_->Find(by_digest)->pulled_by_digest);
  ASSERT_TRUE(LoadText(Layout(image_, by_digest)));
  EXPECT_TRUE(store_->Find(by_digest)->pulled_by_digest);
}

TEST_F(Load, ADigestThatIsAnothersIsNoName) {
  std::string other = "registry.example/app@" + *Sha256Of("another");
  auto report = LoadText(Layout(image_, other));
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_FALSE(store_->Find(other));
  EXPECT_THAT(report->loaded[0].warnings, ElementsAre(HasSubstr(other)));
}

TEST_F(Load, APinnedImageStaysPinned) {
  ASSERT_TRUE(LoadText(Layout(image_, "registry.example/app:v1")));
  ASSERT_TRUE(store_->Pin("registry.example/app:v1"));
  ASSERT_TRUE(LoadText(Layout(image_, "registry.example/app:v2")));
  Reopen();
  auto image = store_->Find(image_.config_digest);
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->pinned);
  EXPECT_THAT(image->repo_tags, UnorderedElementsAre("registry.example/app:v1", "registry.example/app:v2"));
  EXPECT_EQ(store_->Pin("registry.example/none:v1").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace davit::images
