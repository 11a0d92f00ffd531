// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pulls that image verifiers decide about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <variant>

#include "images/digest.h"
#include "images/testing/store_fixture.h"
#include "images/testing/verifier_directory.h"

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class VerifiedPull : public Store {
 protected:
  void SetUp() override {
    config_.verifier.directory = verifiers_.path();
    config_.verifier.runner = DAVIT_VERIFY_PROGRAM;
    Store::SetUp();
  }
  void ExpectRefused(const Result<PulledImage>& pulled, const std::string& text) {
    ASSERT_FALSE(pulled);
    EXPECT_EQ(pulled.error().reason, Reason::kSignatureValidationFailed);
    EXPECT_THAT(pulled.error().ToString(), AllOf(HasSubstr("pull " + server_.host()), HasSubstr(text)));
  }

  VerifierDirectory verifiers_;
  FakeServer server_{[this](const FakeRequest& request) { return Serve(image_, request); }};
};

TEST_F(VerifiedPull, ARefusedImageIsFetchedNoFurtherThanItsManifest) {
  verifiers_.Add("v", "echo unsigned; exit 1");
  ExpectRefused(Pull(server_.host() + "/app:v1"), image_.manifest_digest + ": verifier v refused it");
  EXPECT_THAT(server_.requests(), SizeIs(1));
  ExpectNothingLeft();
  verifiers_.Add("v", "exit 0");
  EXPECT_TRUE(Pull(server_.host() + "/app:v1"));
}

TEST_F(VerifiedPull, AnImageThatTheNodeHasIsVerifiedAgainAndStays) {
  verifiers_.Add("v", "exit 0");
  ASSERT_TRUE(Pull(server_.host() + "/app:v1"));
  verifiers_.Add("v", "echo revoked; exit 1");
  ExpectRefused(Pull(server_.host() + "/app:v1"), "revoked");
  EXPECT_THAT(store_->List(), SizeIs(1));
}

TEST_F(VerifiedPull, PullsOfOneImageAtOnceAreVerifiedOnce) {
  verifiers_.Add("v", "echo call >>" + verifiers_.File("calls") + "; sleep 1; exit 1");
  std::vector<std::thread> pulls;
  for (int i = 0; i < 5; ++i)
    pulls.emplace_back([this] { ExpectRefused(Pull(server_.host() + "/app:v1"), "refused it"); });
  for (std::thread& pull : pulls) pull.join();
  EXPECT_EQ(ReadFile(verifiers_.File("calls")).value_or(""), "call\n");
}

TEST_F(VerifiedPull, OfAnIndexTheIndexIsVerified) {
  std::string index = R"({"schemaVersion":2,"manifests":[{"mediaType":")" +
                      std::string(kOciManifestMediaType) + R"(","digest":")" + image_.manifest_digest +
                      R"(","size":)" + std::to_string(image_.manifest.size()) + "}]}";
  FakeServer server([&](const FakeRequest& request) {
    bool tag = request.target.ends_with("/manifests/v1");
    return tag ? FakeResponse{200, {"Content-Type: application/json"}, index} : Serve(image_, request);
  });
  verifiers_.Add("v", "cat >" + verifiers_.File("input"));
  auto pulled = Pull(server.host() + "/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  EXPECT_EQ(ReadFile(verifiers_.File("input")).value_or(""),
            R"({"digest":")" + *Sha256Of(index) +
                R"(","mediaType":"application/vnd.oci.image.index.v1+json","size":)" +
                std::to_string(index.size()) + "}\n");
}

class MapSource : public BlobSource {
 public:
  explicit MapSource(const std::map<std::string, std::string>& blobs) : blobs_(blobs) {}
  Result<> Send(const Descriptor& descriptor, BlobSink& sink) override {
    TRY(sink.Begin());
    return sink.Write(blobs_.at(descriptor.digest));
  }

 private:
  const std::map<std::string, std::string>& blobs_;
};

TEST_F(VerifiedPull, AnImageThatIsNotPulledIsNotVerified) {
  verifiers_.Add("v", "exit 1");
  ImageDocuments documents;
  documents.manifest = std::get<Manifest>(*ParseManifest(image_.manifest, ""));
  documents.manifest_json = image_.manifest;
  documents.config_json = image_.config;
  auto described = DescribeImage(std::move(documents), "app", store_->platform());
  ASSERT_TRUE(described) << described.error().ToString();
  MapSource source(image_.blobs);
  TransferProgress progress;
  auto keep_none = []() -> Result<> { return {}; };
  auto added = store_->Add(*described, source, Interrupt([] { return true; }), progress, keep_none);
  EXPECT_TRUE(added) << added.error().ToString();
}

}  // namespace
}  // namespace davit::images
