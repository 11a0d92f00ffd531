// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What davit-unpack says when it is done. Its descriptors: 0 the compressed layer, 3 the directory to fill, 4
// this report, a message of base/codec.h. A report that is missing or cut short means that the unpacker
// died.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error_message.h"

namespace davit {

constexpr int kUnpackInputFd = 0;
constexpr int kUnpackLayerFd = 3;
constexpr int kUnpackReportFd = 4;
constexpr size_t kMaxUnpackReport = 64 << 20;

// A hard link whose target is not in its own layer, so in one below.
struct PendingLink {
  std::string path;
  std::string target;

  auto Fields() { return FieldList(Field<1>(path), Field<2>(target)); }
  bool operator==(const PendingLink&) const = default;
};

// All paths are relative to the layer, have no symlink, "." or ".." in them, and are "" for the layer's root.
struct UnpackReport {
  ErrorMessage failure;  // unless it is complete

  std::string diff_id;  // digest of the uncompressed stream
  uint64_t entries = 0;
  uint64_t dropped_xattrs = 0;  // of namespaces that a layer may not set, or unknown to the filesystem
  std::vector<std::string>
      implicit_dirs;  // made because something lies in them; metadata is that of the layer below
  std::vector<std::string> opaque_dirs;  // hide what the layers below have there
  std::vector<PendingLink> pending_links;
  bool complete = false;  // the last field: a report that was cut short lacks it

  auto Fields() {
    return FieldList(Field<1>(failure), Field<2>(diff_id), Field<3>(entries), Field<4>(dropped_xattrs),
                     Field<5>(implicit_dirs), Field<6>(opaque_dirs), Field<7>(pending_links),
                     Field<8>(complete));
  }
};

}  // namespace davit
