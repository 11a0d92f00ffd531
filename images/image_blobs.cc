// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_blobs.h"

#include <utility>
#include <variant>

#include "images/digest.h"
#include "images/manifest.h"
#include "images/reference.h"

namespace davit::images {

Result<std::set<std::string>> BlobsOf(const ImageRecord& image) {
  auto parsed = TRY(ParseManifest(image.manifest_json, ""));
  const Manifest* manifest = std::get_if<Manifest>(&parsed);
  if (!manifest) return Fail(Code::kInvalidArgument, "read manifest", image.id, "it is an index");
  std::set<std::string> digests = {manifest->config.digest, TRY(Sha256Of(image.manifest_json))};
  for (const Descriptor& layer : manifest->layers) digests.insert(layer.digest);
  for (const std::string& name : image.repo_digests) digests.insert(TRY(ParseReference(name)).digest);
  return digests;
}

Result<std::set<std::string>> BlobsOf(const std::vector<ImageSummary>& images, const ImageRecords& records) {
  std::set<std::string> digests;
  for (const ImageSummary& image : images) {
    auto record = records.Get(image.id);
    if (!record && record.error().code == Code::kNotFound) continue;
    digests.merge(TRY(BlobsOf(TRY(std::move(record)))));
  }
  return digests;
}

}  // namespace davit::images
