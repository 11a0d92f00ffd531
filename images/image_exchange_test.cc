// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Images that are pushed, saved and loaded by name.
#include "images/image_exchange.h"

#include <atomic>

#include "images/archive/image_save.h"
#include "images/digest.h"
#include "images/testing/fake_registry.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Text : public ByteSink {
  Result<> Write(std::string_view piece) override {
    text += piece;
    return {};
  }
  std::string text;
};

class Exchange : public Store {
 protected:
  ImageExchange exchange() { return ImageExchange({*store_, layers_, *blobs_, config_.unpack_program}); }
  // Loads the image under these names, from an archive that it is saved to first.
  void LoadAs(const std::vector<std::string>& tags) {
    ImageToSave image;
    image.image.id = image_.config_digest;
    image.image.config_json = image_.config;
    image.image.manifest_json = image_.manifest;
    image.image.repo_digests = {source_.host() + "/app@" + image_.manifest_digest};
    image.names = tags;
    for (const auto& [digest, blob] : image_.blobs) source_.blobs["app@" + digest] = blob;
    Text archive;
    auto saved = ImageSaver(store_->transfers(), nullptr).Save({image}, {}, archive, interrupt_);
    ASSERT_TRUE(saved) << saved.error().ToString();
    Load(archive.text);
  }
  void Load(const std::string& archive) {
    auto load = exchange().Load(interrupt_);
    ASSERT_TRUE(load && (*load)->Write(archive));
    auto report = (*load)->Finish();
    ASSERT_TRUE(report) << report.error().ToString();
    ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  }
  Result<std::string> Save(const std::vector<std::string>& images) {
    Text archive;
    TRY(exchange().Save(images, {}, archive, interrupt_));
    return archive.text;
  }

  FakeRegistry source_;
  FakeRegistry target_;
  std::atomic<bool> wanted_ = true;
  Interrupt interrupt_{[this] { return wanted_.load(); }};
  TransferProgress progress_;
};

TEST_F(Exchange, APushedImageHasADigestOfTheTarget) {
  std::string name = target_.host() + "/team/app:v2";
  LoadAs({name, "local.test/app:v1"});
  auto pushed = exchange().PushImage({name, "", std::nullopt, {}}, interrupt_, progress_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->reference, name);
  EXPECT_EQ(pushed->digest, image_.manifest_digest);
  EXPECT_EQ(target_.manifests["team/app:v2"], image_.manifest);
  auto other = exchange().PushImage({"local.test/app:v1", target_.host() + "/other:v3", std::nullopt, {}},
                                    interrupt_, progress_);
  ASSERT_TRUE(other) << other.error().ToString();
  Reopen();
  auto image = store_->Find("local.test/app:v1");
  ASSERT_TRUE(image);
  for (const char* repository : {"/team/app", "/other"})
    EXPECT_THAT(image->repo_digests, Contains(target_.host() + repository + "@" + image_.manifest_digest));
  EXPECT_TRUE(store_->Find(target_.host() + "/other@" + image_.manifest_digest));
}

TEST_F(Exchange, AFailedPushRecordsNothing) {
  LoadAs({"local.test/app:v1"});
  FakeRegistry refusing([](FakeRegistry&, const FakeRequest&) { return FakeResponse{403, {}, ""}; });
  auto before = store_->Find("local.test/app:v1");
  EXPECT_FALSE(exchange().PushImage({"local.test/app:v1", refusing.host() + "/app:v1", std::nullopt, {}},
                                    interrupt_, progress_));
  EXPECT_EQ(*store_->Find("local.test/app:v1"), *before);
  auto unknown = exchange().PushImage({"local.test/none", "", std::nullopt, {}}, interrupt_, progress_);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
}

// What the node keeps is not removed under a push.
TEST_F(Exchange, AnImageThatIsRemovedMeanwhileIsPushedNevertheless) {
  LoadAs({"local.test/app:v1"});
  std::atomic<bool> removed = false;
  FakeRegistry target([&](FakeRegistry&, const FakeRequest&) -> std::optional<FakeResponse> {
    if (!removed.exchange(true)) {
      EXPECT_TRUE(store_->Remove("local.test/app:v1"));
    }
    return std::nullopt;
  });
  source_.blobs.clear();
  auto pushed = exchange().PushImage({"local.test/app:v1", target.host() + "/app:v1", std::nullopt, {}},
                                     interrupt_, progress_);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(target.manifests["app:v1"], image_.manifest);
  EXPECT_THAT(store_->List(), IsEmpty());
  store_->DropBlobs({*Sha256Of(image_.layers[0].blob)});
  EXPECT_FALSE(blobs_->Has(*Sha256Of(image_.layers[0].blob))) << "the push does not hold it any more";
}

TEST_F(Exchange, AnImageIsSavedWithTheNamesThatWereGiven) {
  LoadAs({"local.test/app:v1", "local.test/app:v2", "local.test/app:latest"});
  auto archive = Save({"local.test/app:v2", "local.test/app", "local.test/app:v2"});
  ASSERT_TRUE(archive) << archive.error().ToString();
  ASSERT_TRUE(store_->Remove(image_.config_digest));
  Load(*archive);
  EXPECT_THAT(store_->Find(image_.config_digest)->repo_tags,
              ElementsAre("local.test/app:latest", "local.test/app:v2"));
  archive = Save({image_.config_digest, image_.config_digest.substr(7, 12)});
  ASSERT_TRUE(archive) << archive.error().ToString();
  ASSERT_TRUE(store_->Remove(image_.config_digest));
  Load(*archive);
  EXPECT_THAT(store_->Find(image_.config_digest)->repo_tags, IsEmpty()) << "an id is no name";
}

TEST_F(Exchange, AnUnknownImageIsFoundBeforeTheFirstByte) {
  LoadAs({"local.test/app:v1"});
  Text archive;
  auto saved = exchange().Save({"local.test/app:v1", "local.test/none"}, {}, archive, interrupt_);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Code::kNotFound);
  EXPECT_THAT(saved.error().ToString(), HasSubstr("local.test/none"));
  EXPECT_EQ(archive.text, "");
  EXPECT_EQ(exchange().Save({}, {}, archive, interrupt_).error().code, Code::kInvalidArgument);
}

TEST_F(Exchange, TheBlobsThatAnImageKeepsAreKnown) {
  LoadAs({"local.test/app:v1"});
  ImageSummary image = *store_->Find("local.test/app:v1");
  auto kept = store_->BlobsKeptBy({image});
  ASSERT_TRUE(kept) << kept.error().ToString();
  for (const TestLayer& layer : image_.layers) EXPECT_THAT(*kept, Contains(*Sha256Of(layer.blob)));
  image.keeps_blobs = false;
  EXPECT_THAT(*store_->BlobsKeptBy({image}), IsEmpty()) << "as a pulled one";
}

}  // namespace
}  // namespace davit::images
