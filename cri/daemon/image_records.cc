// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/image_records.h"

#include "base/codec.h"
#include "cri/daemon/image_blob.h"
#include "images/image_config.h"

namespace davit::cri {

namespace {

Result<images::ImageRecord> FromRow(const ImageRow& row) {
  std::string name = "record of image " + row.id;
  ImageBlob blob = TRY(Decode<ImageBlob>(row.blob, name));
  images::ImageRecord& record = blob.record;
  if (record.id != row.id) return Fail(Code::kDataLoss, "decode", name, "it has another id");
  if (blob.user) {
    record.user = std::move(*blob.user);
  } else if (auto config = images::ParseImageConfig(record.config_json)) {
    record.user = images::SummaryUser(*config);
  }
  record.keeps_blobs = blob.keeps_blobs.value_or(false);
  record.pulled_by_digest =
      blob.pulled_by_digest.value_or(record.repo_tags.empty() && !record.repo_digests.empty());
  return std::move(record);
}

std::string ToRow(const images::ImageRecord& record) {
  ImageBlob blob{record, record.user, std::nullopt, std::nullopt};
  if (record.keeps_blobs) blob.keeps_blobs = true;
  blob.pulled_by_digest = record.pulled_by_digest;
  return Encode(blob);
}

}  // namespace

Result<> DatabaseImageRecords::Put(const images::ImageRecord& record) {
  return Changed(record.id, records_.PutImageDurably({record.id, ToRow(record)}));
}

Result<> DatabaseImageRecords::PutSummary(const images::ImageSummary& summary) {
  images::ImageRecord record = TRY(Read(summary.id));
  static_cast<images::ImageSummary&>(record) = summary;
  return Put(record);
}

Result<> DatabaseImageRecords::Remove(const std::string& id) {
  return Changed(id, records_.DeleteImageDurably(id));
}

Result<std::vector<images::ImageSummary>> DatabaseImageRecords::All() {
  std::vector<images::ImageSummary> all;
  for (const std::string& id : TRY(records_.ImageIds())) {
    Result<images::ImageRecord> record = Read(id);
    if (record)
      all.push_back(std::move(*record));
    else
      log_.Log(LogLevel::kError, "image not available", {{"error", record.error().ToString()}});
  }
  return all;
}

Result<images::ImageRecord> DatabaseImageRecords::Get(const std::string& id) const {
  if (std::optional<images::ImageRecord> recent = recent_.Find(id)) return std::move(*recent);
  RecentImages::Version version = recent_.version();
  images::ImageRecord record = TRY(Read(id));
  record.indexes.clear();
  recent_.Put(record, version);
  return record;
}

Result<> DatabaseImageRecords::Changed(const std::string& id, Result<> change) {
  recent_.Forget(id);
  return change;
}

Result<images::ImageRecord> DatabaseImageRecords::Read(const std::string& id) const {
  std::optional<ImageRow> row = TRY(records_.Image(id));
  if (!row) return Fail(Code::kNotFound, "find image", id, "there is no record of it");
  return FromRow(*row);
}

Result<std::vector<images::StoredLayer>> SnapshotLayerStore::List() const {
  std::vector<images::StoredLayer> stored;
  for (const snapshotter::CommittedLayer& layer : TRY(snapshotter_.ListLayers()))
    stored.push_back({layer.chain_id, layer.committed_ns});
  return stored;
}

Result<images::LayerFindings> SnapshotLayerStore::Check(const std::string& chain_id, images::CheckDepth depth,
                                                        const std::function<bool()>& wanted) const {
  auto as = depth == images::CheckDepth::kContents ? snapshotter::CheckDepth::kContents
                                                   : snapshotter::CheckDepth::kEntries;
  snapshotter::LayerCheck check = TRY(snapshotter_.CheckLayer(chain_id, as, wanted));
  return images::LayerFindings{check.entries, check.bytes, check.problems, std::move(check.examples)};
}

}  // namespace davit::cri
