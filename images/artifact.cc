// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/artifact.h"

#include "base/json.h"
#include "images/digest.h"

namespace davit::images {

Result<std::string> ConfigOfArtifact(const Manifest& manifest, std::string_view manifest_json) {
  nlohmann::json diff_ids = nlohmann::json::array();
  for (const Descriptor& layer : manifest.layers)
    diff_ids.push_back(TRY(Sha256Of("artifact file\n" + layer.file_name + "\n" + layer.digest)));
  nlohmann::json rootfs = nlohmann::json::object();
  SetJsonMember(rootfs, "type", "layers");
  SetJsonMember(rootfs, "diff_ids", std::move(diff_ids));
  nlohmann::json config = nlohmann::json::object();
  SetJsonMember(config, "artifact", TRY(Sha256Of(manifest_json)));
  SetJsonMember(config, "rootfs", std::move(rootfs));
  return PrintJson(config);
}

LayerArchive::LayerArchive(const Descriptor& layer, ByteSink& unpacker)
    : layer_(layer),
      unpacker_(unpacker),
      tar_(layer.file_name.empty() ? nullptr : std::make_unique<TarWriter>(unpacker)) {}

Result<> LayerArchive::Begin() {
  return tar_ ? tar_->BeginFile(layer_.file_name, layer_.size) : Result<>();
}

Result<> LayerArchive::Write(std::string_view piece) {
  return tar_ ? tar_->Write(piece) : unpacker_.Write(piece);
}

Result<> LayerArchive::End() {
  return tar_ ? tar_->Finish() : Result<>();
}

}  // namespace davit::images
