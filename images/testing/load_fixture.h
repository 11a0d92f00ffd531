// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the tests that load archives, and archives to begin with.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "images/archive/image_load.h"
#include "images/testing/store_fixture.h"

namespace davit::images {

inline std::string Hex(const std::string& digest) {
  return digest.substr(7);
}

inline std::string IndexText(const std::vector<std::string>& entries) {
  std::string list;
  for (const std::string& entry : entries) list += (list.empty() ? "" : ",") + entry;
  return R"({"schemaVersion":2,"manifests":[)" + list + "]}";
}

inline std::string IndexEntry(const TestImage& image, const std::string& name, const std::string& more = "") {
  std::string annotations =
      name.empty() ? "" : R"(,"annotations":{"io.containerd.image.name":")" + name + "\"}";
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + image.manifest_digest +
         R"(","size":)" + std::to_string(image.manifest.size()) + annotations + more + "}";
}

inline TarBuilder& AddBlobs(TarBuilder& tar, const TestImage& image) {
  for (const auto& [digest, blob] : image.blobs) tar.File("blobs/sha256/" + Hex(digest), blob);
  return tar;
}

// As `docker save` writes it up to version 24: the layers are not compressed.
inline std::string DockerArchive(const TestImage& image, const std::string& tags) {
  TarBuilder tar;
  std::string layers;
  for (size_t i = 0; i < image.layers.size(); ++i) {
    std::string path = "layer" + std::to_string(i) + "/layer.tar";
    tar.File(path, image.layers[i].tar);
    layers += (i == 0 ? "\"" : ",\"") + path + "\"";
  }
  tar.File(Hex(image.config_digest) + ".json", image.config);
  tar.File("manifest.json", R"([{"Config":")" + Hex(image.config_digest) + R"(.json","RepoTags":)" + tags +
                                R"(,"Layers":[)" + layers + "]}]");
  return tar.Finish();
}

struct Text : public ByteSink {
  Result<> Write(std::string_view piece) override {
    text += piece;
    return {};
  }
  std::string text;
};

class Load : public Store {
 protected:
  ImageLoad::Context Context() { return {*store_, layers_, *blobs_, config_.unpack_program}; }
  Result<LoadReport> LoadText(const std::string& archive) {
    auto load = ImageLoad::Start(Context(), interrupt_);
    if (!load) return std::unexpected(load.error());
    for (size_t at = 0; at < archive.size(); at += 10'000) {
      auto written = (*load)->Write(std::string_view(archive).substr(at, 10'000));
      if (!written) return std::unexpected(written.error());
    }
    return (*load)->Finish();
  }
  std::string Layout(const TestImage& image, const std::string& name) {
    TarBuilder tar;
    tar.File("oci-layout", R"({"imageLayoutVersion":"1.0.0"})")
        .File("index.json", IndexText({IndexEntry(image, name)}));
    return AddBlobs(tar, image).Finish();
  }
  // The archive gives no image, and the first reason says `why`.
  void ExpectRefused(const std::string& archive, Code code, const std::string& why) {
    auto report = LoadText(archive);
    if (report) {
      EXPECT_THAT(report->loaded, ::testing::IsEmpty());
      ASSERT_THAT(report->failures, ::testing::SizeIs(1));
    }
    const Error& error = report ? report->failures[0] : report.error();
    EXPECT_EQ(error.code, code) << error.ToString();
    EXPECT_THAT(error.ToString(), ::testing::HasSubstr(why));
    ExpectNothingLeft();
    EXPECT_THAT(*blobs_->List(), ::testing::IsEmpty());
  }

  std::atomic<bool> wanted_ = true;
  Interrupt interrupt_{[this] { return wanted_.load(); }};
};

}  // namespace davit::images
