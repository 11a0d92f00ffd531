// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A process that writes one log file, so that a filesystem that hangs holds it and not the shim.
//
// It shares the shim's memory, and so costs neither an execve nor memory beyond its stack, but not the shim's
// descriptors: it alone has the log open. Whoever has a file of FUSE, NFS or SMB open waits for its server
// when it closes it, be it by exec or by its end (the flush of close(2)); so neither the shim nor what it
// forks may have one. The shim holds logs as O_PATH, which names a file without having it open.
//
// Started with the first output, it ends after some seconds without any.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"
#include "shim/environment.h"
#include "shim/log_file.h"

namespace davit {

class LogTask : public std::enable_shared_from_this<LogTask> {
 public:
  // Lives until its process has ended, whoever drops it before. `on_written` is called after Await,
  // `on_ended` once, neither after Stop. The task may be dropped inside both.
  struct Callbacks {
    std::function<void()> on_written;
    std::function<void()> on_ended;
  };

  // `log` is the file, `torn` as in LogFile. A file that cannot be opened takes nothing.
  static Result<std::shared_ptr<LogTask>> Start(Environment& env, int log, bool torn, Callbacks callbacks);
  ~LogTask();
  LogTask(const LogTask&) = delete;
  LogTask& operator=(const LogTask&) = delete;

  // Hands over a batch while it is idle; `memory` holds the batch. Returns false when it has ended: it takes
  // no more, and another one has to be started.
  bool Post(std::string_view batch, std::shared_ptr<const void> memory);

  // Everything that it was given is written, and it may be given more.
  bool IsIdle() const;
  // Calls `on_written` when it is idle. Returns false if it is now: then nothing is called.
  bool Await();
  // While it is idle.
  const LogFile& file() const { return shared_.file; }

  // It ends when it has written what it was given. One that hangs is killed when its filesystem lets it go.
  void Stop();

 private:
  // Everything below is read and written by the process as well.
  struct Shared {
    uint32_t state = 0;  // a futex
    uint32_t awaited = 0;
    const char* data = nullptr;
    size_t size = 0;
    LogFile file;
    int log = -1;
    int proc = -1;
    int notice = -1;
    char path[32] = {};  // of `log` in `proc`
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
  UniqueFd notice_;  // eventfd: it is idle
  pid_t pid_ = 0;
  std::shared_ptr<const void> memory_;
  Shared shared_;
};

}  // namespace davit
