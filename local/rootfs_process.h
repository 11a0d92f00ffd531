// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's handle of a running davit-rootfs process (rootfs/request.h).
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/pid_fd.h"
#include "base/spawn.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "images/interrupt.h"
#include "local/rootfs/request.h"

namespace davit::local {

// Processes that could not be ended, because a filesystem of their container hangs. They end with it.
// Thread-safe.
class HungProcesses {
 public:
  static constexpr size_t kMost = 16;

  // `report` is the read end of the pipe that such a process holds open.
  void Add(UniqueFd report) EXCLUDES(mutex_);
  // kResourceExhausted if there are too many.
  Result<> Check() EXCLUDES(mutex_);

 private:
  size_t Sweep() REQUIRES(mutex_);

  Mutex mutex_;
  std::vector<UniqueFd> reports_ GUARDED_BY(mutex_);
};

// No call blocks for ever, whatever the process waits for. The destructor kills the process. Not thread-safe.
class RootfsProcess {
 public:
  // How long a process may make no visible progress before it counts as stuck, which is kUnavailable.
  struct Patience {
    int64_t progress_ms = 2 * 60 * 1000;
    int64_t end_ms = 2 * 1000;  // to end after it was killed
  };
  struct Program {
    std::string path;
    HungProcesses& hung;
    Patience patience = {};
  };

  // `tree` and `base` are what the request says; `base` may be invalid. All must outlive the object but the
  // request and the descriptors.
  static Result<std::unique_ptr<RootfsProcess>> Start(const Program& program, const RootfsRequest& request,
                                                      const UniqueFd& tree, const UniqueFd& base,
                                                      const images::Interrupt& interrupt);
  ~RootfsProcess();
  RootfsProcess(const RootfsProcess&) = delete;
  RootfsProcess& operator=(const RootfsProcess&) = delete;

  // Writes a piece of its input. kUnavailable with os_errno EPIPE if it has stopped reading: Finish then
  // returns the reason.
  Result<> Write(std::string_view piece) { return Write(piece, nullptr); }
  // The same for one that writes as it reads: `take` gets its output meanwhile.
  using Take = std::function<Result<>(std::string_view piece)>;
  Result<> Write(std::string_view piece, const Take& take);
  // Closes its input and takes its output to the end.
  Result<> EndInput(const Take& take);
  // The next piece of its output, valid until the next call; empty at the end.
  Result<std::string_view> Read();

  // Closes its input and returns its report, as an error if it has failed. Output that was not read is lost.
  Result<RootfsReport> Finish();

  // A descriptor by which another thread can kill it at any time.
  Result<PidFd> Handle() const;

 private:
  RootfsProcess(const Program& program, ChildProcess child, const images::Interrupt& interrupt)
      : program_(program), child_(std::move(child)), interrupt_(interrupt) {}

  // Waits for one of the events. kUnavailable if there is none in time; `what` says what is missing.
  Result<> WaitFor(std::vector<pollfd> events, int64_t patience_ms, std::string_view what) const;
  Result<> AwaitRoom(const Take& take);
  Result<std::string> ReadReport();

  const Program program_;
  ChildProcess child_;
  UniqueFd input_;   // write end of its descriptor 0, non-blocking
  UniqueFd output_;  // read end of its descriptor 1, non-blocking
  UniqueFd report_;
  const images::Interrupt& interrupt_;
  std::string buffer_;
};

}  // namespace davit::local
