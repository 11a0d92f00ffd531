// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Notices changes in a directory (inotify(7)).
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace davit::cri {

// Best effort: if the directory does not exist yet or the host allows no more watches, no change is reported.
class DirectoryWatch {
 public:
  explicit DirectoryWatch(std::string path);

  // Becomes readable when something has changed since the last Renew; -1 if inotify is not available.
  int fd() const { return fd_.get(); }

  // Clears the reported changes, and watches the directory anew if it was created or replaced. Call it before
  // reading the directory, so that later changes are reported.
  void Renew();

 private:
  const std::string path_;
  UniqueFd fd_;
};

}  // namespace davit::cri
