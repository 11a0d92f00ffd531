// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Artifacts that are pulled for volumes.
#include "images/digest.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// As `oras push registry/model:v1 weights/part.bin model.json` writes it.
class Artifacts : public Store {
 protected:
  static std::string Layer(const std::string& content, const std::string& annotations) {
    return R"({"mediaType":"application/octet-stream","digest":")" + *Sha256Of(content) + R"(","size":)" +
           std::to_string(content.size()) + annotations + "}";
  }
  static std::string Title(const std::string& title) {
    return R"(,"annotations":{"org.opencontainers.image.title":")" + title + "\"}";
  }
  static std::string Manifest(const std::string& layers, const std::string& more = "") {
    return R"({"schemaVersion":2,"artifactType":"application/vnd.example.model","config":{"mediaType":)"
           R"("application/vnd.oci.empty.v1+json","digest":")" +
           *Sha256Of("{}") + R"(","size":2},"layers":[)" + layers + "]" + more + "}";
  }
  FakeResponse Answer(const FakeRequest& request) {
    std::string object = request.target.substr(request.target.rfind('/') + 1);
    if (request.target.find("/manifests/") != std::string::npos)
      return {200, {"Content-Type: application/vnd.oci.image.manifest.v1+json"}, manifest_};
    for (const std::string& blob : {weights_, note_, std::string("{}")})
      if (object == *Sha256Of(blob)) return ServeRange({200, {}, blob}, request);
    return {404, {}, ""};
  }
  PulledImage PullModel(const std::string& tag = "v1") {
    auto pulled = Pull(server_.host() + "/model:" + tag);
    EXPECT_TRUE(pulled) << pulled.error().ToString();
    return pulled ? *pulled : PulledImage();
  }

  // Larger than a block, and like an archive of its own: it is not unpacked.
  const std::string weights_ = Gzip(TarBuilder().File("inner", std::string(3000, 'w')).Finish());
  const std::string note_ = "a note";
  std::string manifest_;
  FakeServer server_{[this](const FakeRequest& request) { return Answer(request); }};
};

TEST_F(Artifacts, HaveTheirFilesUnderTheirNames) {
  manifest_ = Manifest(Layer(weights_, Title("weights/part.bin")) + "," + Layer(note_, ""));
  PulledImage model = PullModel();
  ASSERT_THAT(model.chain_ids, SizeIs(2));
  EXPECT_EQ(Content(model, 0, "weights/part.bin"), weights_);
  EXPECT_EQ(Content(model, 1, Sha256Of(note_)->substr(7)), note_) << "without a title";
  EXPECT_THAT(model.repo_tags, ElementsAre(server_.host() + "/model:v1"));
  EXPECT_EQ(model.size, weights_.size() + note_.size() + 2);
  EXPECT_TRUE(PullModel().unchanged);
}

TEST_F(Artifacts, MayHaveOneContentUnderTwoNames) {
  manifest_ = Manifest(Layer(note_, Title("a")) + "," + Layer(note_, Title("b")));
  PulledImage model = PullModel();
  ASSERT_THAT(model.chain_ids, SizeIs(2));
  EXPECT_EQ(Content(model, 0, "a"), note_);
  EXPECT_EQ(Content(model, 1, "b"), note_);
}

TEST_F(Artifacts, WithTheSameFilesAreDifferentImagesOverTheSameLayers) {
  manifest_ = Manifest(Layer(note_, Title("note")));
  PulledImage one = PullModel();
  manifest_ = Manifest(Layer(note_, Title("note")), R"(,"annotations":{"version":"2"})");
  PulledImage two = PullModel("v2");
  EXPECT_NE(one.id, two.id);
  EXPECT_EQ(one.chain_ids, two.chain_ids);
  manifest_ = Manifest(Layer(note_, Title("other")));
  EXPECT_NE(PullModel("v3").chain_ids, one.chain_ids) << "the name is part of a layer";
}

TEST_F(Artifacts, AreVerifiedAndRepaired) {
  config_.retention.min_free_percent = 0;
  Reopen();
  manifest_ = Manifest(Layer(weights_, Title("a")) + "," + Layer(note_, Title("b")));
  PulledImage model = PullModel();
  layers_.damaged[model.chain_ids[0]] = CheckDepth::kContents;
  Interrupt wanted([] { return true; });
  CheckedLayers checked;
  EXPECT_FALSE(store_->Verify(model.id, CheckDepth::kContents, wanted, checked)->IsWhole());
  auto repaired = store_->Repair({model.id, {}, nullptr});
  ASSERT_TRUE(repaired) << repaired.error().ToString();
  EXPECT_EQ(Content(model, 0, "a"), weights_);
  checked.clear();
  EXPECT_TRUE(store_->Verify(model.id, CheckDepth::kContents, wanted, checked)->IsWhole());
}

TEST_F(Artifacts, WhatIsMissingOrHostileIsRefused) {
  manifest_ = Manifest(Layer("another content", Title("a")));
  auto pulled = Pull(server_.host() + "/model:v1");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kNotFound);
  manifest_ = Manifest(Layer(note_, Title("../a")));
  pulled = Pull(server_.host() + "/model:v1");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kInvalidArgument);
  EXPECT_THAT(pulled.error().ToString(), HasSubstr("cannot have the name"));
  ExpectNothingLeft();
}

}  // namespace
}  // namespace davit::images
