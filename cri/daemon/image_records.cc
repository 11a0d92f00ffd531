// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/image_records.h"

#include <tuple>

#include "base/codec.h"

namespace davit {
namespace {

// The row's form: a tuple of references in the record's order.
struct ImageBlob {
  ImageRecord record;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.record.id, s.record.chain_ids, s.record.repo_tags, s.record.repo_digests,
                    s.record.config_json, s.record.manifest_json, s.record.size, s.record.pinned);
  }
};

}  // namespace

Result<> DatabaseImageRecords::Put(const ImageRecord& record) {
  return records_.PutImageDurably({record.id, Encode(ImageBlob{record})});
}

Result<> DatabaseImageRecords::Remove(const std::string& id) {
  return records_.DeleteImageDurably(id);
}

Result<std::vector<ImageRecord>> DatabaseImageRecords::All() {
  std::vector<ImageRecord> all;
  for (const ImageRow& row : TRY(records_.Images())) {
    all.push_back(TRY(Decode<ImageBlob>(row.blob, "record of image " + row.id)).record);
  }
  return all;
}

}  // namespace davit
