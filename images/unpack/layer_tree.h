// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The directory that a layer is unpacked into, and safe lookups in it.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "images/unpack/limits.h"

namespace davit::images {

// A name in a directory of the layer. `dir` is the real path of the directory, without symlinks.
struct LayerPlace {
  std::shared_ptr<const UniqueFd> dir_fd;  // O_PATH
  std::string dir;
  std::string name;

  int fd() const { return dir_fd->get(); }
  std::string Path() const;
};

enum class MissingDirs { kMake, kFail };

// Every directory is opened from the layer's root by openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS.
// Symlinks of the layer itself are followed in user space, one by one, as a process with the layer as its
// root would see them.
class LayerTree {
 public:
  // The caller keeps the ownership of `root_fd`.
  LayerTree(int root_fd, const UnpackLimits& limits) : root_fd_(root_fd), limits_(limits) {}

  // The place of `path`, which is a non-empty result of CleanLayerPath. As `missing` says, missing parent
  // directories are created with mode 0755 and noted in `implicit_dirs`, or are kNotFound. A parent that is
  // not a directory is kInvalidArgument.
  Result<LayerPlace> Locate(const std::string& path, MissingDirs missing);

  // Opens a directory by its real path, O_RDONLY.
  Result<UniqueFd> OpenDir(const std::string& real_path) const;

  // Removes the file or directory tree at the place, and the notes about it.
  Result<> Remove(const LayerPlace& place);

  // Notes are real paths. kResourceExhausted when their cost exceeds `note_bytes` of the limits.
  Result<> NoteImplicit(const std::string& path) { return Note(implicit_dirs_, path); }
  Result<> NoteOpaque(const std::string& path) { return Note(opaque_dirs_, path); }
  void ForgetImplicit(const std::string& path) { implicit_dirs_.erase(path); }
  // Counts a note that the caller keeps.
  Result<> CountNote(size_t path_bytes);
  const std::set<std::string>& implicit_dirs() const { return implicit_dirs_; }
  const std::set<std::string>& opaque_dirs() const { return opaque_dirs_; }

 private:
  struct CachedDir {
    std::string path;
    std::shared_ptr<const UniqueFd> fd;
  };

  Result<std::shared_ptr<const UniqueFd>> Open(const std::string& real_path);
  Result<std::string> FindRealDir(std::string_view dir, MissingDirs missing);
  Result<> MakeDir(const std::string& parent, const std::string& name, bool replaces_whiteout);
  Result<> Empty(const std::string& real_path);
  Result<> Note(std::set<std::string>& notes, const std::string& path);

  int root_fd_;
  const UnpackLimits& limits_;
  // The entries of one directory follow each other in most archives, so a small cache is enough.
  std::array<CachedDir, 8> cache_;
  size_t next_slot_ = 0;
  std::set<std::string> implicit_dirs_;
  std::set<std::string> opaque_dirs_;
  size_t noted_bytes_ = 0;
};

// An overlay whiteout is a character device 0:0 (Documentation/filesystems/overlayfs.rst).
struct LayerNode {
  bool exists = false;
  bool is_dir = false;
  bool is_symlink = false;
  bool is_whiteout = false;
};
Result<LayerNode> LookAt(int dir_fd, const std::string& name);

}  // namespace davit::images
