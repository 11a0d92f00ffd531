// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An image made of archives, as an OCI layout on disk or as blobs for a fake registry.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace davit::images {

struct TestLayer {
  std::string tar;
  std::string blob;  // `tar`, compressed or unchanged
  std::string media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
  std::vector<std::string> urls = {};  // of the descriptor
};

TestLayer GzipLayer(const std::string& tar);

struct TestImage {
  std::string config;
  std::string config_digest;
  std::string manifest;
  std::string manifest_digest;
  std::vector<TestLayer> layers;
  std::map<std::string, std::string> blobs;  // by digest: config, layers, manifest

  // `architecture` empty: this host's. `members` and `config_members` are JSON text, each member followed by
  // a comma, that is added to the config and to the object "config" in it.
  static TestImage Make(std::vector<TestLayer> layers, const std::string& architecture = "",
                        const std::string& members = "", const std::string& config_members = "");
};

// Writes an OCI layout (OCI image-spec image-layout.md) with the image under `tag`.
void WriteOciLayout(const std::string& dir, const std::string& tag, const TestImage& image);

}  // namespace davit::images
