// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads one container's log file while it grows, across rotations.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

class LogTail {
 public:
  // Called with each line, without its newline.
  using Sink = std::function<Result<>(std::string_view line)>;

  // Watches the directory of `path` (inotify(7)). The directory must exist; the file may be created later.
  static Result<LogTail> Watch(const std::string& path);

  // Passes each complete line to `sink` once, from the beginning of the file that `path` names at the first
  // call; before it come those of the files that a rotation has called `path`.1 (the newest), `path`.2 and so
  // on. If another file has taken the name since, as in a rotation, the rest of the old file is read first.
  Result<> Drain(const Sink& sink);

  // Readable after a change in the directory.
  int fd() const { return inotify_.get(); }

  // Discards the pending events. True if a writer has closed the file, as at the end of its container or at a
  // rotation.
  Result<bool> TakeEvents();

 private:
  LogTail(std::string path, std::string name, UniqueFd inotify)
      : path_(std::move(path)), name_(std::move(name)), inotify_(std::move(inotify)) {}

  Result<> ReadToEnd(const Sink& sink);
  Result<> EmitLines(const Sink& sink);
  Result<> ReadRotated(const UniqueFd& current, const Sink& sink);
  // The file that has the name now if it is not the open one, else an invalid descriptor.
  Result<UniqueFd> OpenSuccessor() const;

  std::string path_;
  std::string name_;
  UniqueFd inotify_;
  UniqueFd file_;
  std::string pending_;  // the beginning of a line whose end is not written yet
};

}  // namespace davit::cli
