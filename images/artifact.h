// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// OCI artifacts (image-spec manifest.md, "Guidelines for Artifact Usage") as image volumes (KEP-4639): an
// image of which each layer is one file.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/archive/byte_sink.h"
#include "images/archive/tar_writer.h"
#include "images/manifest.h"

namespace davit::images {

// The config that an artifact has as an image: its own says nothing of layers. It is the same for the same
// manifest, and no other's. A layer's diff ID stands for its name and its blob: no image has it, because a
// diff ID is verified, and that of an artifact is no digest of content.
Result<std::string> ConfigOfArtifact(const Manifest& manifest, std::string_view manifest_json);

// What an unpacker is fed with: of an image, the blob as it is; of an artifact, an archive with the blob as
// its only file.
class LayerArchive {
 public:
  // Both must outlive the object.
  LayerArchive(const Descriptor& layer, ByteSink& unpacker);

  // Begin comes first, then the blob's bytes in order, then End. Errors are those of the unpacker.
  Result<> Begin();
  Result<> Write(std::string_view piece);
  Result<> End();

 private:
  const Descriptor& layer_;
  ByteSink& unpacker_;
  std::unique_ptr<TarWriter> tar_;  // null: an image's
};

}  // namespace davit::images
