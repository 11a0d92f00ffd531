// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The database row of an image: one message of base/codec.h.
#pragma once

#include "base/codec.h"
#include "images/image_record.h"

namespace davit::cri {

struct ImageBlob {
  images::ImageRecord record;

  auto Fields() {
    return FieldList(Field<1>(record.id), Field<2>(record.chain_ids), Field<3>(record.repo_tags),
                     Field<4>(record.repo_digests), Field<5>(record.config_json),
                     Field<6>(record.manifest_json), Field<7>(record.size), Field<8>(record.pinned));
  }
};

}  // namespace davit::cri
