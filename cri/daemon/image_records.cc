// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/image_records.h"

#include "base/codec.h"
#include "cri/daemon/image_blob.h"

namespace davit::cri {

Result<> DatabaseImageRecords::Put(const images::ImageRecord& record) {
  return records_.PutImageDurably({record.id, Encode(ImageBlob{record})});
}

Result<> DatabaseImageRecords::Remove(const std::string& id) {
  return records_.DeleteImageDurably(id);
}

Result<std::vector<images::ImageRecord>> DatabaseImageRecords::All() {
  std::vector<images::ImageRecord> all;
  for (const ImageRow& row : TRY(records_.Images())) {
    Result<ImageBlob> image = Decode<ImageBlob>(row.blob, "record of image " + row.id);
    if (image && image->record.id != row.id)
      image = Fail(Code::kDataLoss, "decode", "record of image " + row.id, "it has another id");
    if (image)
      all.push_back(std::move(image->record));
    else
      log_.Log(LogLevel::kError, "image not available", {{"error", image.error().ToString()}});
  }
  return all;
}

}  // namespace davit::cri
