// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The output of several containers, line by line, with the container in front of each line.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "cli/log_selection.h"
#include "cli/log_tail.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

struct LogStyle {
  bool prefix = true;
  bool color = false;
  bool timestamps = false;
};

// Color for a terminal, unless the options or NO_COLOR say otherwise.
LogStyle StyleFor(const Console& console, bool no_color, bool no_prefix, bool timestamps);

// A container whose output has ended with it.
struct EndedStream {
  std::string id = {};
  std::string label = {};
  int exit_code = 0;
};

// Each container has a thread that reads its log. Lines of one container stay in order, and no line is in
// another one. Thread-safe.
class LogStreams {
 public:
  // `width`: of the longest label, for the column. The session must outlive it.
  static Result<std::unique_ptr<LogStreams>> Make(const Session& session, LogStyle style, size_t width);
  // Stops reading.
  ~LogStreams();
  LogStreams(const LogStreams&) = delete;
  LogStreams& operator=(const LogStreams&) = delete;

  // Prints what there is.
  Result<> Print(const api::Container& container, const std::string& label, const LogChoice& choice);
  // Prints until the container has ended and does not wait for its next start.
  Result<> Follow(const api::Container& container, const std::string& label, const LogChoice& choice);

  // Readable after a container has ended, until Ended() is called.
  int fd() const { return ended_fd_.get(); }
  std::vector<EndedStream> Ended();
  // How many are being followed.
  size_t following() const;

 private:
  class Printer;
  LogStreams(const Session& session, LogStyle style, size_t width, UniqueFd ended, UniqueFd stop)
      : session_(session),
        style_(style),
        width_(width),
        ended_fd_(std::move(ended)),
        stop_fd_(std::move(stop)) {}
  std::string Prefix(const std::string& label);
  // Until the container has ended: its exit code; or until Stop.
  Result<int> Read(LogTail& tail, const std::string& id, Printer& printer, const LogChoice& choice);

  const Session& session_;
  const LogStyle style_;
  const size_t width_;
  const UniqueFd ended_fd_;
  const UniqueFd stop_fd_;
  std::mutex output_;                            // one line at a time
  mutable std::mutex mutex_;                     // guards the members below
  std::map<std::string, std::string> prefixes_;  // by label
  std::vector<EndedStream> ended_;
  size_t following_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace davit::cli::compose
