// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/test_image.h"

#include <filesystem>
#include <fstream>

#include "images/digest.h"
#include "images/platform.h"
#include "images/testing/tar_builder.h"

namespace davit::images {
namespace {

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

std::string Describe(const std::string& media_type, const std::string& digest, size_t size) {
  return R"({"mediaType":")" + media_type + R"(","digest":")" + digest + R"(","size":)" +
         std::to_string(size) + "}";
}

// The descriptor with the layer's URLs.
std::string Describe(const TestLayer& layer) {
  std::string text = Describe(layer.media_type, *Sha256Of(layer.blob), layer.blob.size());
  if (layer.urls.empty()) return text;
  text.pop_back();
  text += R"(,"urls":[)";
  for (const std::string& url : layer.urls) text += "\"" + url + "\",";
  text.back() = ']';
  return text + "}";
}

void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace

TestLayer GzipLayer(const std::string& tar) {
  TestLayer layer;
  layer.tar = tar;
  layer.blob = Gzip(tar);
  return layer;
}

TestImage TestImage::Make(std::vector<TestLayer> layers, const std::string& architecture,
                          const std::string& members, const std::string& config_members) {
  TestImage image;
  std::string diff_ids;
  std::string descriptors;
  for (const TestLayer& layer : layers) {
    std::string digest = *Sha256Of(layer.blob);
    std::string comma = diff_ids.empty() ? "" : ",";
    diff_ids += comma + "\"" + *Sha256Of(layer.tar) + "\"";
    descriptors += comma + Describe(layer);
    image.blobs[digest] = layer.blob;
  }
  image.config = "{" + members + R"("os":"linux","architecture":")" +
                 (architecture.empty() ? HostPlatform().architecture : architecture) + R"(","config":{)" +
                 config_members + R"("Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":[)" +
                 diff_ids + "]}}";
  image.config_digest = *Sha256Of(image.config);
  image.manifest =
      R"({"schemaVersion":2,"mediaType":")" + std::string(kManifestType) + R"(","config":)" +
      Describe("application/vnd.oci.image.config.v1+json", image.config_digest, image.config.size()) +
      R"(,"layers":[)" + descriptors + "]}";
  image.manifest_digest = *Sha256Of(image.manifest);
  image.blobs[image.config_digest] = image.config;
  image.blobs[image.manifest_digest] = image.manifest;
  image.layers = std::move(layers);
  return image;
}

void WriteOciLayout(const std::string& dir, const std::string& tag, const TestImage& image) {
  for (const auto& [digest, bytes] : image.blobs) Write(dir + "/blobs/sha256/" + digest.substr(7), bytes);
  Write(dir + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  std::string entry = Describe(kManifestType, image.manifest_digest, image.manifest.size());
  entry.pop_back();
  entry += R"(,"annotations":{"org.opencontainers.image.ref.name":")" + tag + "\"}}";
  Write(dir + "/index.json", R"({"schemaVersion":2,"manifests":[)" + entry + "]}");
}

}  // namespace davit::images
