// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Notices files that appear or change in a directory (inotify(7)).
#pragma once

#include <set>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::images {

// Not thread-safe.
class DirectoryWatch {
 public:
  struct Changes {
    std::set<std::string> files;  // names; a file that is still being written is named when it is closed
    bool all = false;             // some changes were missed: look at every file
    bool gone = false;            // the directory was removed or replaced: watch again
  };

  static Result<DirectoryWatch> Start(const std::string& path);

  int fd() const { return inotify_.get(); }  // readable when there are changes
  // What has changed since the last call. Does not block.
  Result<Changes> Take();

 private:
  explicit DirectoryWatch(UniqueFd inotify) : inotify_(std::move(inotify)) {}

  UniqueFd inotify_;
};

}  // namespace davit::images
