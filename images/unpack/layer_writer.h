// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Makes files of tar entries, in the form that overlayfs takes as a lower directory.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "images/unpack/layer_tree.h"
#include "images/unpack/limits.h"
#include "images/unpack/tar_entry.h"
#include "images/unpack/tar_reader.h"
#include "images/unpack_report.h"

namespace davit {

// Entries are applied in the order of the archive; a later one replaces an earlier one of the same name,
// except that a directory keeps what is in it. Whiteouts become character devices 0:0; opaque directories are
// only reported, because their mark is a trusted.* attribute, which takes CAP_SYS_ADMIN. What a layer cannot
// know by itself (metadata of implicit directories, links to files of the layers below) is reported as well.
class LayerWriter {
 public:
  // `root_fd` (an empty directory) and `limits` outlive the writer.
  LayerWriter(int root_fd, const UnpackLimits& limits);

  // `data` stands at the entry's data.
  Result<> Apply(const TarEntry& entry, TarReader& data);

  // Sets what has to come last and fills in the report's lists and counts.
  Result<> Finish(UnpackReport& report);

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
  Result<> SetOwnerModeXattrs(int fd, const TarEntry& entry, const std::string& path);
  Result<> SetXattrs(int fd, const TarEntry& entry, const std::string& path);
  Result<bool> LinkWithin(const LayerPlace& place, const std::string& target);
  Result<> Clear(const LayerPlace& place);
  Result<> ResolvePendingLinks();

  const UnpackLimits& limits_;
  LayerTree tree_;
  std::map<std::string, Times> dir_times_;  // by real path; set last, as files made in them change it
  std::map<std::string, std::string> pending_links_;  // path to target
  uint64_t entries_ = 0;
  uint64_t dropped_xattrs_ = 0;
};

}  // namespace davit
