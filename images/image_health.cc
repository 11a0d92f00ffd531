// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_health.h"

#include <algorithm>
#include <set>
#include <utility>

#include "images/blob_source.h"
#include "images/image_blobs.h"
#include "images/image_repair.h"

namespace davit::images {
namespace {

LayerHealth Damaged(const std::string& chain_id, std::string why) {
  LayerHealth health{chain_id, LayerHealth::State::kDamaged, {}};
  health.findings.problems = 1;
  health.findings.examples = {std::move(why)};
  return health;
}

Result<LayerHealth> CheckLayer(const std::string& chain_id, const ImageData& data, CheckDepth depth,
                               const Interrupt& interrupt) {
  using State = LayerHealth::State;
  auto found = data.layers.Check(chain_id, depth, [&interrupt] { return interrupt.Check().has_value(); });
  if (found) return LayerHealth{chain_id, found->problems == 0 ? State::kWhole : State::kDamaged, *found};
  switch (found.error().code) {
    case Code::kNotFound:
      return LayerHealth{chain_id, State::kMissing, {}};
    case Code::kUnimplemented:
      return LayerHealth{chain_id, State::kUnknown, {}};
    case Code::kDataLoss:
      return Damaged(chain_id, found.error().ToString());
    default:
      return std::unexpected(std::move(found).error());
  }
}

std::vector<std::string> CheckDocuments(const ImageRecord& image) {
  auto resolved = ResolvedFrom(image);
  return resolved ? std::vector<std::string>() : std::vector{resolved.error().ToString()};
}

class NullSink : public BlobSink {
 public:
  Result<> Begin() override { return {}; }
  Result<> Write(std::string_view) override { return {}; }
};

// The blobs that the node must have, because no registry may have them. Which others it keeps is a matter of
// its configuration, not of an image.
std::set<std::string> NeededBlobs(const ImageRecord& image) {
  std::set<std::string> needed;
  if (!image.keeps_blobs) return needed;
  if (auto resolved = ResolvedFrom(image))
    for (const Descriptor& layer : resolved->layers) needed.insert(layer.digest);
  return needed;
}

}  // namespace

std::vector<std::string> FindMissingBlobs(const ImageRecord& image, const BlobStore& blobs) {
  std::vector<std::string> missing;
  for (const std::string& digest : NeededBlobs(image))
    if (!blobs.Has(digest)) missing.push_back(digest);
  return missing;
}

Result<std::vector<std::string>> FindBadBlobs(const ImageRecord& image, const BlobStore& blobs,
                                              const Interrupt& interrupt) {
  std::vector<std::string> bad;
  auto digests = BlobsOf(image);
  if (!digests) return bad;  // CheckDocuments says why
  std::set<std::string> needed = NeededBlobs(image);
  StoredBlobSource source(blobs, interrupt);
  NullSink sink;
  for (const std::string& digest : *digests) {
    TRY(interrupt.Check());
    auto blob = blobs.Open(digest);
    if (!blob && !needed.contains(digest)) continue;
    auto read = blob ? source.Send({"", digest, blob->size, std::nullopt, {}}, sink)
                     : std::unexpected(std::move(blob).error());
    TRY(interrupt.Check());
    if (!read) bad.push_back(digest);
  }
  return bad;
}

bool ImageHealth::IsWhole() const {
  return !image.incomplete && bad_blobs.empty() && bad_documents.empty() &&
         std::ranges::all_of(layers, &LayerHealth::IsUsable);
}

Result<ImageHealth> CheckImage(const ImageRecord& image, const ImageData& data, CheckDepth depth,
                               const Interrupt& interrupt, CheckedLayers& checked) {
  ImageHealth health;
  health.image = image;
  health.bad_documents = CheckDocuments(image);
  for (const std::string& chain_id : image.chain_ids) {
    auto known = checked.find(chain_id);
    if (known == checked.end())
      known = checked.emplace(chain_id, TRY(CheckLayer(chain_id, data, depth, interrupt))).first;
    health.layers.push_back(known->second);
  }
  if (depth == CheckDepth::kContents) health.bad_blobs = TRY(FindBadBlobs(image, data.blobs, interrupt));
  return health;
}

}  // namespace davit::images
