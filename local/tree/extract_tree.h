// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Puts the files of an archive, which may be hostile, into a directory that has files already.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/unpack/chunk_stream.h"
#include "images/unpack/limits.h"
#include "images/unpack/tar_entry.h"
#include "images/unpack/tar_reader.h"
#include "local/tree/problems.h"

namespace davit::local {

struct ExtractOptions {
  // Whose files they become.
  enum class Owners : uint8_t {
    kOfArchive,  // and directories that exist get owner, mode and times of the archive
    kRoot,       // of root
    kOwn,        // of the process; the last two drop set-user-ID and set-group-ID bits
  };
  Owners owners = Owners::kRoot;
  // How names in the archive become names below the directory: without so many leading components, and with
  // this in front (a relative path; empty: nothing).
  size_t strip = 0;
  std::string prefix;
  // The way to an entry may lead over symlinks of the tree, which are resolved from the root directory of the
  // process; magic links are not. Otherwise one on the way is an error.
  bool follow_links = false;
  // Without, devices are left out, which is a problem of the outcome.
  bool make_devices = true;
};

// As tar, a later entry replaces what has its name, but a directory keeps its content, and never replaces
// anything or is replaced by anything else: kFailedPrecondition. A file that is a mount point is overwritten.
// Directories that the archive omits are made. Not thread-safe.
class TreeExtractor {
 public:
  // `dir_fd` and `outcome` must outlive the extractor.
  TreeExtractor(int dir_fd, ExtractOptions options, CopyOutcome& outcome)
      : dir_fd_(dir_fd), options_(std::move(options)), outcome_(outcome) {}

  // Reads the archive, which is not compressed, to its end. The errors of images::TarReader; kInvalidArgument
  // for a name with "..".
  Result<> Run(images::ChunkStream& archive);

 private:
  struct Place {
    int parent_fd;
    std::string name;
    std::string path;  // below the directory
  };

  // The path below the directory; nullopt if nothing is left of the name.
  Result<std::optional<std::string>> PathOf(const std::string& name) const;
  Result<Place> PlaceOf(const std::string& path);
  Result<UniqueFd> OpenDir(const std::string& path) const;
  Result<UniqueFd> MakeDirs(const std::string& path);
  Result<> Apply(const images::TarEntry& entry, images::TarReader& data);
  Result<> MakeDirectory(const Place& place, const images::TarEntry& entry);
  Result<> MakeFile(const Place& place, const images::TarEntry& entry, images::TarReader& data);
  Result<> MakeHardLink(const Place& place, const images::TarEntry& entry);
  Result<> MakeNode(const Place& place, const images::TarEntry& entry);
  Result<UniqueFd> CreateFile(const Place& place);
  // Removes what is in the way of anything but a directory.
  Result<> Clear(const Place& place);
  Result<> WriteData(int fd, const images::TarEntry& entry, images::TarReader& data);
  Result<> WriteSegments(int fd, const images::TarEntry& entry, images::TarReader& data);
  Result<> SetAttributes(int fd, const images::TarEntry& entry, const std::string& path);
  Result<> FinishDirectories();

  mode_t ModeOf(const images::TarEntry& entry) const;
  bool keeps_owners() const { return options_.owners == ExtractOptions::Owners::kOfArchive; }
  bool sets_owners() const { return options_.owners != ExtractOptions::Owners::kOwn; }

  const int dir_fd_;
  const ExtractOptions options_;
  CopyOutcome& outcome_;
  const images::UnpackLimits limits_;
  std::string parent_path_;
  UniqueFd parent_;  // of the last entry: the entries of a directory follow each other
  std::map<std::string, images::TarEntry> directories_;  // get their attributes when they are filled
  size_t directory_bytes_ = 0;
};

}  // namespace davit::local
