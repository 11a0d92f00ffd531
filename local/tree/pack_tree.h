// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Makes an archive of a directory tree, which may be hostile and may change meanwhile.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "local/tree/problems.h"
#include "local/tree/tar_output.h"

namespace davit::local {

// What to do with a file that cannot be read, or is deeper than readers of archives go.
enum class Unreadable : uint8_t { kFail, kSkip };

// No symlink is followed, no device, FIFO or socket is opened, and a file is as long as it was when its turn
// came. Sockets are left out, which is a problem of the outcome, and so are directories of
// IsKernelFilesystem, which come without their content. What vanishes meanwhile is omitted. Memory and
// descriptors are bounded. Reads can hang as long as the filesystem wants: the caller is a process that can
// be killed. Not thread-safe.
class TreePacker {
 public:
  // `out` and `outcome` must outlive the packer.
  TreePacker(TarOutput& out, CopyOutcome& outcome, Unreadable unreadable)
      : out_(out), outcome_(outcome), unreadable_(unreadable) {}

  // Adds the entry `name` of a directory, with all that is below it, under the name `as` in the archive.
  // kNotFound if it does not exist. With kFail: kResourceExhausted if a path is longer or deeper than readers
  // of archives take.
  Result<> Add(int parent_fd, const std::string& name, const std::string& as);

  // Adds what is in a directory, without the directory itself.
  Result<> AddContents(int dir_fd) { return AddChildren(dir_fd, "", /*depth=*/0); }

  // The same as Add without what is below a directory, and whatever the entry's type. Returns false if it has
  // vanished.
  Result<bool> AddOne(int parent_fd, const std::string& name, const std::string& as);

 private:
  Result<bool> AddTree(int parent_fd, const std::string& name, const std::string& as, size_t depth);
  Result<bool> AddDirectory(int parent_fd, const std::string& name, const std::string& as, size_t depth);
  Result<> AddChildren(int dir_fd, const std::string& as, size_t depth);
  Result<bool> AddFile(int parent_fd, const std::string& name, const std::string& as);
  Result<> AddNode(int parent_fd, const std::string& name, const std::string& as, const struct stat& status);
  // Adds the directory's own entry; an invalid descriptor if it has vanished.
  Result<UniqueFd> BeginDirectory(int parent_fd, const std::string& name, const std::string& as);
  Result<> WriteContent(int fd, const images::TarEntry& entry, const std::string& as);
  Result<> WriteRange(int fd, images::SparseSegment range, const std::string& as);
  // True if the file was added as a link to an entry before it.
  Result<bool> AddAsLink(const struct stat& status, const std::string& as);
  Result<> Begin(images::TarEntry entry, const std::string& as);

  TarOutput& out_;
  CopyOutcome& outcome_;
  const Unreadable unreadable_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // of files that have several names
  size_t link_bytes_ = 0;
  size_t name_bytes_ = 0;  // of the directories that are being read
  std::string buffer_;
};

// The names in a directory, sorted, so that the same tree makes the same archive. kResourceExhausted if they
// and `already` have more than 128 MiB.
Result<std::vector<std::string>> SortedNames(int dir_fd, const std::string& path, size_t& already);
// To be taken from `already` when the names are done with.
size_t BytesOf(const std::vector<std::string>& names);

}  // namespace davit::local
