// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Reads one container's log file while it grows, across rotations.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "cli/log_chain.h"

namespace davit::cli {

class LogTail {
 public:
  // Called with each line, without its newline.
  using Sink = std::function<Result<>(std::string_view line)>;

  // Watches the directory of `path` (inotify(7)). The directory must exist; the file may be created later.
  static Result<LogTail> Watch(const std::string& path);

  // Passes each complete line of the files that there are (see LogChain) to `sink` once, from the beginning
  // of the oldest one on. kDataLoss if output was lost; the next call goes on behind the gap.
  Result<> Drain(const Sink& sink);
  // For a log that is followed: see LogChain.
  Result<> KeepUp() { return chain_->KeepUp(); }

  // Readable after a change in the directory.
  int fd() const { return inotify_.get(); }

  // Discards the pending events. True if a writer has closed the file, as at the end of its container or at a
  // rotation.
  Result<bool> TakeEvents();

 private:
  LogTail(std::string path, std::string name, std::unique_ptr<LogChain> chain, UniqueFd inotify)
      : path_(std::move(path)),
        name_(std::move(name)),
        chain_(std::move(chain)),
        inotify_(std::move(inotify)) {}

  Result<> ReadToEnd(int file, const Sink& sink);
  Result<> EmitLines(const Sink& sink);

  std::string path_;
  std::string name_;
  std::unique_ptr<LogChain> chain_;
  UniqueFd inotify_;
  std::string pending_;  // the beginning of a line whose end is not written yet
};

}  // namespace davit::cli
