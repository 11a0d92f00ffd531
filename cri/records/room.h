// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reserves disk blocks for the database, so that rows can be changed and deleted when the disk is full.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cri {

// A change of a row needs space twice: in the log for its transaction, and in the database file for the
// checkpoint that empties the log. Therefore both files are kept longer than their content. A row is added
// only if a reserve remains. Changes and deletions of existing rows need no more than the reserve, however
// many there are, because a full log is emptied into the database file.
//
// A copy-on-write filesystem (btrfs) may still need free blocks. Not thread-safe.
class Room {
 public:
  // For the database `path` and its log, which must both exist. Close it after all SQLite connections of this
  // process: POSIX releases a process's locks on a file when any descriptor of it is closed.
  static Result<Room> Open(const std::string& path);

  // Whether both files are long enough for `used` bytes of database (including the content of the log) and
  // for a change of a row of `largest` bytes.
  bool Covers(uint64_t used, uint64_t largest) const;
  // Extends the files until Covers is true, in large steps to save system calls. kResourceExhausted if the
  // disk is full.
  Result<> Keep(uint64_t used, uint64_t largest);

  // The size below which the log must not be truncated.
  uint64_t log_bytes() const { return log_bytes_; }
  int log_fd() const { return log_.get(); }

 private:
  Room(std::string path, UniqueFd file, UniqueFd log)
      : path_(std::move(path)), file_(std::move(file)), log_(std::move(log)) {}
  Result<> Extend(const UniqueFd& file, uint64_t& size, uint64_t wanted, const std::string& path);

  std::string path_;
  UniqueFd file_;
  UniqueFd log_;
  uint64_t file_bytes_ = 0;  // allocated
  uint64_t log_bytes_ = 0;
};

}  // namespace davit::cri
