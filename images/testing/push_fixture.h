// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An image that is pushed from one registry on loopback to another.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "images/digest.h"
#include "images/push/image_push.h"
#include "images/testing/fake_registry.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"

namespace davit::images {

constexpr char kSecret[] = "s3cr3t-p4ssw0rd";

inline std::string Noise() {
  std::string noise;
  for (uint32_t x = 1; noise.size() < 20'000; x = x * 1664525 + 1013904223)
    noise += static_cast<char>(x >> 24);
  return noise;
}

inline FakeResponse Cut() {
  FakeResponse response;
  response.cut_after = 0;
  return response;
}

class Push : public ::testing::Test {
 protected:
  Push() {
    config_.transfer.certs_d = scratch_ / "certs.d";
    config_.transfer.retry.attempts = 3;
    config_.transfer.retry.progress_bytes = 1000;
    config_.transfer.retry.first_pause_ms = config_.transfer.retry.longest_pause_ms = 2;
    config_.upload.piece_bytes = 8000;
    config_.upload.least_piece_bytes = 1000;
    for (const auto& [digest, blob] : image_.blobs) source_.blobs["app@" + digest] = blob;
  }

  ImageRecord Record(const std::string& source) const {
    ImageRecord record;
    record.id = image_.config_digest;
    record.config_json = image_.config;
    record.manifest_json = image_.manifest;
    record.repo_digests = {source + "@" + image_.manifest_digest};
    return record;
  }
  Result<PushedImage> PushTo(const std::string& target, std::optional<RegistryAuth> auth = std::nullopt) {
    return PushTo(target, Record(source_.host() + "/app"), std::move(auth));
  }
  Result<PushedImage> PushTo(const std::string& target, const ImageRecord& record,
                             std::optional<RegistryAuth> auth = std::nullopt) {
    PushRequest request{*ParseReference(target), std::move(auth), {}};
    return ImagePusher(config_, blobs_.get()).Push(record, request, interrupt_, progress_);
  }
  LayerProgress Progress(const std::string& digest) const {
    std::vector<LayerProgress> blobs = progress_.Read();
    auto blob = std::ranges::find(blobs, digest, &LayerProgress::digest);
    return blob == blobs.end() ? LayerProgress() : *blob;
  }
  LayerProgress::State Last(const std::string& digest) const { return Progress(digest).state; }
  std::vector<std::string> Digests() const {
    std::vector<std::string> digests;
    for (const LayerProgress& blob : progress_.Read()) digests.push_back(blob.digest);
    return digests;
  }
  // The repository has the image, byte for byte.
  void ExpectPushed(FakeRegistry& registry, const std::string& repository, const std::string& tag) {
    EXPECT_EQ(registry.manifests[repository + ":" + tag], image_.manifest);
    EXPECT_EQ(registry.manifest_types[repository + ":" + tag], kOciManifestMediaType);
    EXPECT_EQ(registry.blobs[repository + "@" + image_.config_digest], image_.config);
    for (const TestLayer& layer : image_.layers)
      EXPECT_EQ(registry.blobs[repository + "@" + *Sha256Of(layer.blob)], layer.blob);
  }

  ScratchDir scratch_;
  TestImage image_ = TestImage::Make({GzipLayer(TarBuilder().File("a", "1").Finish()),
                                      GzipLayer(TarBuilder().File("noise", Noise()).Finish())});
  const std::string big_ = *Sha256Of(image_.layers[1].blob);
  FakeRegistry source_;
  std::unique_ptr<BlobStore> blobs_;
  std::atomic<bool> wanted_ = true;
  Interrupt interrupt_{[this] { return wanted_.load(); }};
  ImagePusher::Config config_;
  TransferProgress progress_;
};

}  // namespace davit::images
