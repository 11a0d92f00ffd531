// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The report that davit-unpack writes when it has finished. Its descriptors: 0 is the compressed layer, 3 the
// directory to fill, 4 the pipe for this report (a message of base/codec.h), 5 the file for its notes
// (layer_notes.h). A missing or truncated report means that the unpacker died.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error_message.h"

namespace davit::images {

constexpr int kUnpackInputFd = 0;
constexpr int kUnpackLayerFd = 3;
constexpr int kUnpackReportFd = 4;
constexpr int kUnpackNotesFd = 5;
constexpr size_t kMaxUnpackReport = 64 << 10;  // bytes

struct UnpackReport {
  ErrorMessage failure;  // set if `complete` is false

  std::string diff_id;  // digest of the uncompressed stream
  uint64_t entries = 0;
  uint64_t dropped_xattrs = 0;  // that a layer may not set, or that the filesystem does not support
  uint64_t sparse_files = 0;
  bool complete = false;  // the last field: a truncated report lacks it

  auto Fields() {
    return FieldList(Field<1>(failure), Field<2>(diff_id), Field<3>(entries), Field<4>(dropped_xattrs),
                     Field<9>(sparse_files), Field<8>(complete));
  }
};

}  // namespace davit::images
