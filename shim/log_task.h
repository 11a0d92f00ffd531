// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A process that writes one log file, so that a filesystem that hangs blocks this process and not the shim.
//
// It shares the shim's memory, so it needs no execve and no memory besides its stack. It does not share the
// shim's descriptors: only this process has the log open. A process that has a file on FUSE, NFS or SMB open
// waits for the file's server when it closes the file, also by exec or by its exit (the flush of close(2)).
// So neither the shim nor its forks may have one open. The shim holds logs as O_PATH, which refers to a file
// without opening it.
//
// It is started by the first output and ends after ten seconds without output.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/environment.h"
#include "shim/log_file.h"

namespace davit::shim {

class LogTask : public std::enable_shared_from_this<LogTask> {
 public:
  // The object lives until its process has ended, even if its owner drops it earlier. `on_written` is called
  // after Await, `on_ended` once when the process has ended; neither after Stop. Both may drop the task.
  struct Callbacks {
    std::function<void()> on_written;
    std::function<void()> on_ended;
  };

  // `log` is the file, O_PATH; `torn` is as in LogFile. If the file cannot be opened, everything is dropped.
  static Result<std::shared_ptr<LogTask>> Start(Environment& env, int log, bool torn, Callbacks callbacks);
  ~LogTask();
  LogTask(const LogTask&) = delete;
  LogTask& operator=(const LogTask&) = delete;

  // Hands over a batch; call it while IsIdle(). `memory` keeps the batch alive. Returns false if the process
  // has ended: the caller has to start another task.
  bool Post(std::string_view batch, std::shared_ptr<const void> memory);

  // Whether the batch that was posted is written, so that the next one can be posted.
  bool IsIdle() const;
  // Requests a call of `on_written` when the task becomes idle. Returns false if it is idle already.
  bool Await();
  // Valid only while IsIdle().
  const LogFile& file() const { return shared_.file; }

  // Ends the process: at once if it is idle, else by SIGKILL, which a process that hangs receives when its
  // filesystem releases it. The rest of a batch that is being written is lost.
  void Stop();

 private:
  // The process reads and writes everything below as well.
  struct Shared {
    uint32_t state = 0;  // a futex
    uint32_t awaited = 0;
    const char* data = nullptr;
    size_t size = 0;
    LogFile file;
    int log = -1;
    int proc = -1;
    int notice = -1;
    char path[32] = {};  // the path of `log` below `proc`
    alignas(16) char stack[8192];
  };

  LogTask(Environment& env, Callbacks callbacks) : env_(env), callbacks_(std::move(callbacks)) {}
  Result<> Spawn();
  void OnNotice();
  void OnExit();

  static int Main(void* shared);
  static void Open(Shared& shared);
  static bool AwaitBatch(Shared& shared);

  Environment& env_;
  Callbacks callbacks_;
  UniqueFd notice_;  // eventfd: the process has become idle
  pid_t pid_ = 0;
  std::shared_ptr<const void> memory_;
  Shared shared_;
};

}  // namespace davit::shim
