// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Notices changes in a directory (inotify(7)).
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace davit {

// Best effort: where the host has no room for another watch, or no such directory yet, nothing is noticed.
class DirectoryWatch {
 public:
  explicit DirectoryWatch(std::string path);

  // Readable when something has changed since the last Renew; -1 when the host gives no watch.
  int fd() const { return fd_.get(); }

  // Forgets the changes so far, and follows when the directory was made or replaced meanwhile. What changes
  // after this call is noticed, so look at the directory afterwards.
  void Renew();

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace davit
