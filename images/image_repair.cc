// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/image_repair.h"

#include <variant>

#include "images/digest.h"
#include "images/manifest.h"

namespace davit::images {

Result<ResolvedImage> ResolvedFrom(ImageRecord record) {
  TRY(VerifyDigest(record.config_json, record.id, "config of image " + record.id));
  auto parsed = TRY(ParseManifest(record.manifest_json, ""));
  Manifest* manifest = std::get_if<Manifest>(&parsed);
  if (manifest == nullptr) return Fail(Code::kDataLoss, "read manifest", record.id, "it is an index");
  // It was chosen for this node when it was pulled.
  ImageDocuments documents{
      std::move(*manifest), record.manifest_json, record.config_json, /*by_index=*/true, {}};
  ResolvedImage image = TRY(DescribeImage(std::move(documents), record.id, HostPlatform()));
  if (image.record.id != record.id)
    return Fail(Code::kDataLoss, "read manifest", record.id, "it is another image's");
  if (image.record.chain_ids != record.chain_ids)
    return Fail(Code::kDataLoss, "read config", record.id, "the recorded layers are others");
  image.record = std::move(record);
  return image;
}

std::set<std::string> DamagedLayersOf(const ImageHealth& health) {
  std::set<std::string> damaged;
  for (const LayerHealth& layer : health.layers)
    if (layer.state == LayerHealth::State::kDamaged) damaged.insert(layer.chain_id);
  return damaged;
}

bool ReplacingLayers::IsToReplace(const std::string& chain_id) const {
  MutexLock lock(mutex_);
  return replaced_.contains(chain_id);
}

bool ReplacingLayers::Has(const std::string& chain_id) const {
  return !IsToReplace(chain_id) && store_.Has(chain_id);
}

Result<UniqueFd> ReplacingLayers::Stage(const std::string& staging) {
  return IsToReplace(staging) ? store_.StageReplacement(staging) : store_.Stage(staging);
}

Result<> ReplacingLayers::Commit(const std::string& staging, const std::string& chain_id,
                                 std::vector<FileChecksum> checksums, const std::function<bool()>& wanted) {
  if (!IsToReplace(chain_id)) return store_.Commit(staging, chain_id, std::move(checksums), wanted);
  TRY(store_.Replace(staging, chain_id, std::move(checksums), wanted));
  MutexLock lock(mutex_);
  replaced_.erase(chain_id);
  return {};
}

}  // namespace davit::images
