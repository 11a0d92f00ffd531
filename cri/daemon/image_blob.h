// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database row of an image: one message of base/codec.h.
#pragma once

#include <optional>
#include <string>

#include "base/codec.h"
#include "images/image_record.h"

namespace davit::cri {

struct ImageBlob {
  images::ImageRecord record;       // except what follows
  std::optional<std::string> user;  // of the record; absent in rows of releases that read it from the config
  std::optional<bool> keeps_blobs;  // of the record; absent if false, as in rows of releases without blobs

  // Of the record. Absent in rows of earlier releases: then what has a digest and no tag counts as pulled so.
  std::optional<bool> pulled_by_digest;

  auto Fields() {
    return FieldList(Field<1>(record.id), Field<2>(record.chain_ids), Field<3>(record.repo_tags),
                     Field<4>(record.repo_digests), Field<5>(record.config_json),
                     Field<6>(record.manifest_json), Field<7>(record.size), Field<8>(record.pinned),
                     Field<9>(user), Field<10>(keeps_blobs), Field<11>(pulled_by_digest),
                     Field<12>(record.indexes));
  }
};

}  // namespace davit::cri
