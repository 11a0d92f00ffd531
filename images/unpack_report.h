// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What davit-unpack says when it is done. Its descriptors: 0 the compressed layer, 3 the directory to fill, 4
// this report, in the form of base/codec.h. A report that is missing or cut short means that the unpacker
// died.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.h"

namespace davit {

constexpr int kUnpackInputFd = 0;
constexpr int kUnpackLayerFd = 3;
constexpr int kUnpackReportFd = 4;
constexpr size_t kMaxUnpackReport = 64 << 20;

// A hard link whose target is not in its own layer, so in one below.
struct PendingLink {
  std::string path;
  std::string target;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.path, s.target);
  }
  bool operator==(const PendingLink&) const = default;
};

// All paths are relative to the layer, have no symlink, "." or ".." in them, and are "" for the layer's root.
struct UnpackReport {
  bool complete = false;
  // Why it is not.
  Code code = Code::kInternal;
  int32_t os_errno = 0;
  std::string step;
  std::string subject;
  std::string context;

  std::string diff_id;  // digest of the uncompressed stream
  uint64_t entries = 0;
  uint64_t dropped_xattrs = 0;  // of namespaces that a layer may not set, or unknown to the filesystem
  std::vector<std::string>
      implicit_dirs;  // made because something lies in them; metadata is that of the layer below
  std::vector<std::string> opaque_dirs;  // hide what the layers below have there
  std::vector<PendingLink> pending_links;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.complete, s.code, s.os_errno, s.step, s.subject, s.context, s.diff_id, s.entries,
                    s.dropped_xattrs, s.implicit_dirs, s.opaque_dirs, s.pending_links);
  }
};

}  // namespace davit
