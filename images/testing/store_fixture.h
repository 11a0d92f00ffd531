// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture: an image store in a temporary directory, and an image to pull. Needs the definition
// DAVIT_UNPACK_PROGRAM.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "images/image_store.h"
#include "images/testing/fake_server.h"
#include "images/testing/fake_stores.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"

namespace davit::images {

// A registry's response to a request for a manifest or a blob: it has one image, under every name and tag.
inline FakeResponse Serve(const TestImage& image, const FakeRequest& request) {
  std::string path = request.target.substr(0, request.target.find('?'));
  std::string object = path.substr(path.rfind('/') + 1);
  bool manifest = path.find("/manifests/") != std::string::npos;
  if (manifest && object.find(':') == std::string::npos) object = image.manifest_digest;
  auto blob = image.blobs.find(object);
  if (blob == image.blobs.end()) {
    return {404, {}, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]})", -1, false};
  }
  FakeResponse response;
  if (manifest) response.headers = {"Content-Type: application/vnd.oci.image.manifest.v1+json"};
  response.body = blob->second;
  return response;
}

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: unpacking makes namespaces";
    signal(SIGPIPE, SIG_IGN);
    config_.unpack_program = DAVIT_UNPACK_PROGRAM;
    config_.certs_d = scratch_ / "certs.d";
    config_.retry.first_pause_ms = 2;
    Reopen();
  }
  // Opens the store again with config_, as a restarted daemon does.
  void Reopen() {
    auto store = ImageStore::Open(config_, layers_, records_, *blobs_);
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }

  Result<PulledImage> Pull(const std::string& reference, std::optional<RegistryAuth> auth = std::nullopt) {
    return store_->Pull({reference, std::move(auth), 0, nullptr});
  }
  // Configures `urls` for the registry `host`, in order; the last one as its server.
  void Mirrors(const std::string& host, const std::vector<std::string>& urls) {
    std::string dir = config_.certs_d + "/" + host;
    std::filesystem::create_directories(dir);
    std::ofstream file(dir + "/hosts.toml");
    file << "server = \"" << urls.back() << "\"\n";
    for (size_t i = 0; i + 1 < urls.size(); ++i) file << "[host.\"" << urls[i] << "\"]\n";
  }
  // Expects no image, and no layer, staged or committed.
  void ExpectNothingLeft() {
    EXPECT_THAT(layers_.Staged(), ::testing::IsEmpty());
    EXPECT_THAT(layers_.Layers(), ::testing::IsEmpty());
    EXPECT_THAT(records_.records, ::testing::IsEmpty());
    EXPECT_THAT(store_->LiveLayers(), ::testing::IsEmpty());
    EXPECT_THAT(store_->List(), ::testing::IsEmpty());
  }
  // The content of a file of the image's layer with this index.
  std::string Content(const ImageSummary& image, size_t layer, const std::string& file) {
    return ReadFile(layers_.Path(image.chain_ids[layer]) + "/" + file).value_or("missing");
  }

  ScratchDir scratch_;
  DirLayerStore layers_{scratch_.path()};
  MemoryRecords records_;
  std::unique_ptr<BlobStore> blobs_ = *BlobStore::Create(scratch_ / "blobs");
  ImageStore::Config config_;
  std::unique_ptr<ImageStore> store_;
  TestImage image_ = TestImage::Make({GzipLayer(TarBuilder().Dir("a", 0700).File("a/one", "1").Finish()),
                                      GzipLayer(TarBuilder().File("a/two", "2").Finish()),
                                      GzipLayer(TarBuilder().HardLink("three", "a/one").Finish())});
};

}  // namespace davit::images
