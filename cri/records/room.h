// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Disk blocks that the database owns before it needs them, so that rows can be changed and deleted when the
// disk has not one block left.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// A change of a row needs room twice: in the log for its transaction, and in the database file for the
// checkpoint that empties the log. Both files are therefore longer than what they hold. Rows are added only
// as long as that stays so; a change or a deletion of a row that exists needs no more than the reserve,
// however often, since the log is emptied into the database file when it is full.
//
// A filesystem that copies on write (btrfs) may need blocks all the same. Not thread-safe.
class Room {
 public:
  // Of the database `path` and its log, which both exist. Close it after every SQLite connection of this
  // process: POSIX drops a process's locks on a file when any descriptor of it is closed.
  static Result<Room> Open(const std::string& path);

  // Whether both files are long enough for `used` bytes of database (what the log holds included) and for a
  // change of a row of `largest` bytes.
  bool Covers(uint64_t used, uint64_t largest) const;
  // Makes them so, and allocates ahead when that takes a system call. kResourceExhausted when the disk has no
  // room.
  Result<> Keep(uint64_t used, uint64_t largest);

  // What the log may not be truncated below.
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

}  // namespace davit
