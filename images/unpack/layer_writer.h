// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates files from tar entries, in the form that overlayfs expects of a lower directory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "images/layer_notes.h"
#include "images/space_reserve.h"
#include "images/unpack/layer_tree.h"
#include "images/unpack/limits.h"
#include "images/unpack/tar_entry.h"
#include "images/unpack/tar_reader.h"
#include "images/unpack_report.h"

namespace davit::images {

// Entries are applied in the order of the archive; a later entry replaces an earlier one of the same name,
// except that a directory keeps its content. Whiteouts become character devices 0:0. Opaque directories are
// only reported, because their mark is a trusted.* attribute, which needs CAP_SYS_ADMIN. Implicit
// directories, and hard links to files of the layers below, are reported because they need data from those
// layers.
class LayerWriter {
 public:
  // `root_fd` (an empty directory) and `limits` outlive the writer.
  LayerWriter(int root_fd, const UnpackLimits& limits);

  // `data` is positioned at the entry's data. kResourceExhausted if the filesystem has too little free space
  // (space_reserve.h).
  Result<> Apply(const TarEntry& entry, TarReader& data);

  // Creates hard links that preceded their targets, sets the times of directories, and fills in the counts of
  // the report.
  Result<> Finish(UnpackReport& report);
  // After Finish, once.
  LayerNotes TakeNotes();

 private:
  struct Times {
    timespec atime;
    timespec mtime;
  };

  Result<> ApplyRoot(const TarEntry& entry);
  Result<> MarkOpaque(const LayerPlace& place);
  Result<> Whiteout(const LayerPlace& place);
  Result<> MakeDirectory(const LayerPlace& place, const TarEntry& entry);
  Result<> MakeFile(const LayerPlace& place, const TarEntry& entry, TarReader& data);
  Result<> MakeHardLink(const LayerPlace& place, const TarEntry& entry);
  Result<> MakeSymlinkOrNode(const LayerPlace& place, const TarEntry& entry);
  Result<> WriteData(int fd, const TarEntry& entry, TarReader& data);
  Result<> WriteWhole(int fd, TarReader& data);
  Result<> WriteSegments(int fd, const TarEntry& entry, TarReader& data);
  Result<> SetOwnerModeXattrs(int fd, const TarEntry& entry, const std::string& path);
  Result<> SetXattrs(int fd, const TarEntry& entry, const std::string& path);
  Result<bool> LinkWithin(const LayerPlace& place, const std::string& target);
  Result<> SetTimesLater(const std::string& dir, const TarEntry& entry);
  Result<> Clear(const LayerPlace& place);
  Result<> ResolvePendingLinks();

  const UnpackLimits& limits_;
  LayerTree tree_;
  SpaceReserve space_;
  std::map<std::string, Times> dir_times_;  // by real path; set last: new files in a directory change them
  size_t dir_bytes_ = 0;                    // as limits_.dir_bytes counts
  std::map<std::string, std::string> pending_links_;  // path to target
  uint64_t entries_ = 0;
  uint64_t dropped_xattrs_ = 0;
  uint64_t sparse_files_ = 0;
  std::vector<FileChecksum> checksums_;
};

}  // namespace davit::images
