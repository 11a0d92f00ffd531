// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One container's log file, read as it grows and across rotations.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

class LogTail {
 public:
  // Gets each line without its newline.
  using Sink = std::function<Result<>(std::string_view line)>;

  // Watches the directory of `path` (inotify(7)). The directory exists; the file may come later.
  static Result<LogTail> Watch(const std::string& path);

  // Hands out every whole line that is there and was not handed out yet, from the beginning of the file that
  // `path` names at the first call. When another file has taken the name, as in a rotation, what is left of
  // the old one comes first.
  Result<> Drain(const Sink& sink);

  // Readable when something has happened in the directory.
  int fd() const { return inotify_.get(); }

  // Forgets what has happened. True when a writer has closed the file, as at its container's end or at a
  // rotation.
  Result<bool> TakeEvents();

 private:
  LogTail(std::string path, std::string name, UniqueFd inotify)
      : path_(std::move(path)), name_(std::move(name)), inotify_(std::move(inotify)) {}

  Result<> ReadToEnd(const Sink& sink);
  Result<> EmitLines(const Sink& sink);
  // The file that has the name now when it is not the open one, else an invalid descriptor.
  Result<UniqueFd> OpenSuccessor() const;

  std::string path_;
  std::string name_;
  UniqueFd inotify_;
  UniqueFd file_;
  std::string pending_;  // the beginning of a line whose end is not written yet
};

}  // namespace davit::cli
