// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files of one container's log, in the order in which they were written.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace davit::cli {

// PATH is the newest file. A rotation by the daemon gives it a number, PATH.0 and then PATH.1, and moves the
// numbered files on; one by the kubelet gives it a date. The chain begins with the oldest numbered file that
// there is at the first Extend, and holds later ones open until they are read, or until Extend finds that a
// rotation has removed them: a reader that is too slow keeps no disk space from being freed. Names only order
// the files; a file is known by its inode.
//
// The directory may be a pod's: symbolic links and what is not a regular file are refused. Extend is
// thread-safe; one thread reads.
class LogChain {
 public:
  // The directory of `path` must exist; the file may be created later.
  static Result<std::unique_ptr<LogChain>> Open(const std::string& path);
  ~LogChain();

  int directory() const { return directory_.get(); }

  // Opens the files that have come since the last call.
  Result<> Extend() EXCLUDES(mutex_);
  // From now on a thread calls Extend as soon as a file has come, so that a reader that has to wait for its
  // output loses nothing when the log is removed. Later calls do nothing.
  Result<> KeepUp();

  // How many files there are to read, with the one that is being read.
  size_t size() const EXCLUDES(mutex_);
  // The file to read; -1 if there is none yet.
  int first() const EXCLUDES(mutex_);
  // Whether nothing more is written to it. Ask before you read it to its end.
  Result<bool> IsFirstComplete() const EXCLUDES(mutex_);
  // Goes on to the next file. Once kDataLoss, for each gap, if files have been missed in between.
  Result<> LeaveFirst() EXCLUDES(mutex_);

 private:
  struct File {
    UniqueFd fd = {};  // invalid: the end of a chain whose last files were missed
    dev_t device = 0;
    ino_t inode = 0;
    bool after_gap = false;

    bool operator==(const File& other) const { return device == other.device && inode == other.inode; }
  };
  // As they are at one moment.
  struct Found {
    std::vector<File> files;  // the oldest first
    bool has_newest = false;  // there is one that is called PATH
  };

  LogChain(std::string path, UniqueFd directory);
  Result<std::vector<std::string>> ListNames() const REQUIRES(mutex_);
  Result<Found> FindFiles() const REQUIRES(mutex_);
  Result<bool> OpenFiles(const std::vector<std::string>& names, Found& found) const;
  Result<bool> AreStill(const std::vector<std::string>& names, const Found& found) const REQUIRES(mutex_);
  Result<bool> WasNewest(const File& file) const;
  Result<> DropRemoved(const Found& found) REQUIRES(mutex_);
  Result<> Append(Found found) REQUIRES(mutex_);
  void ExtendUntil(int stop, int inotify);

  const std::string path_;
  const std::string name_;
  const UniqueFd directory_;
  mutable Mutex mutex_;
  std::deque<File> files_ GUARDED_BY(mutex_);  // the first one is being read
  UniqueFd stop_;
  std::jthread thread_;
};

}  // namespace davit::cli
