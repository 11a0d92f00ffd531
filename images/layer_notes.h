// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the unpacker notes about a layer for the steps that need the layers below. The notes of a layer with
// many entries take megabytes, and many layers can wait for the one below them at the same time: so they wait
// in files, and are read when their layer is next.
//
// The file is a sequence of parts, each a message of base/codec.h after its length in bytes (32 bits,
// little-endian). The lists of all parts, joined, are the notes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/codec.h"
#include "base/error.h"

namespace davit::images {

// Limits of the notes of one layer. A note costs the bytes of its paths and kNoteOverhead, which is what it
// takes in memory besides.
constexpr size_t kMostNoteBytes = 16 << 20;
constexpr size_t kNoteOverhead = 64;
constexpr size_t kMostChecksums = 1 << 20;
constexpr size_t kMaxNotesPart = 2 << 20;  // bytes

// A hard link whose target is not in its own layer and must be in a layer below.
struct PendingLink {
  std::string path;
  std::string target;

  auto Fields() { return FieldList(Field<1>(path), Field<2>(target)); }
  bool operator==(const PendingLink&) const = default;
};

// All paths are relative to the layer's root and contain no symlink, "." or ".."; "" is the root itself.
struct LayerNotes {
  // Created for entries below them, without an entry of their own; see FixUpLayer. Sorted.
  std::vector<std::string> implicit_dirs;
  std::vector<std::string> opaque_dirs;  // hide the content of the layers below
  std::vector<PendingLink> pending_links;
  // Of the files that have content and no holes, at most kMostChecksums. For an inode that occurs twice, the
  // last one is valid.
  std::vector<FileChecksum> checksums;

  auto Fields() {
    return FieldList(Field<1>(implicit_dirs), Field<2>(opaque_dirs), Field<3>(pending_links),
                     Field<4>(checksums));
  }
};

// Reads the notes in `fd` from the beginning of the file. The writer is not trusted: kResourceExhausted if
// they exceed the limits, kInternal if they are malformed.
Result<LayerNotes> ReadNotes(int fd);

}  // namespace davit::images
