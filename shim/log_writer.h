// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Passes log lines from the loop to a LogTask without blocking on the file.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "shim/environment.h"
#include "shim/log_batch.h"
#include "shim/log_task.h"

namespace davit::shim {

// Uses two batches: one is written while the other one is filled. If the log hangs, both become full: the
// caller then has to wait for `on_written`, and the container blocks when its pipe is full as well.
class LogWriter {
 public:
  static constexpr size_t kBatchBytes = 32 << 10;

  // `log` is the file, O_PATH; if empty, everything is dropped and not counted. After Submit or Await has
  // returned false, `on_written` is called when a batch has been written; it may destroy the writer.
  LogWriter(Environment& env, UniqueFd log, std::function<void()> on_written);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // The batch to fill. If it is full, call Submit; if that returns false, wait for `on_written`.
  LogBatch& batch();
  // Passes the batch on, now or when the previous one has been written. Returns false in the second case.
  bool Submit();

  // Whether everything that was submitted has been written, or dropped.
  bool IsSettled() const { return open_.empty() && IsIdle(); }
  // Submits the batch and returns IsSettled(). If that is false, `on_written` is called later.
  bool Await();

  // Writes later batches to `log`. Calls `done`, perhaps at once, when nothing more is written to the old
  // file.
  void Replace(UniqueFd log, std::function<void()> done);

  // Valid only while IsSettled().
  uint64_t dropped_bytes() const;

 private:
  struct Memory;

  bool IsIdle() const { return !task_ || task_->IsIdle(); }
  void Dispatch();
  void Post();
  bool StartTask();
  void DropTask();
  void RetryLater();
  void SwitchFile();
  void OnWritten();
  void OnTaskEnded();

  Environment& env_;
  UniqueFd log_;
  std::function<void()> on_written_;
  std::shared_ptr<Memory> memory_;  // holds both batches; absent while there is no output
  LogBatch open_;
  LogBatch flying_;
  std::shared_ptr<LogTask> task_;
  bool torn_ = false;
  uint64_t dropped_bytes_ = 0;  // by earlier tasks
  UniqueFd next_log_;
  std::vector<std::function<void()>> switched_;
  Timers::Id retry_ = 0;
};

}  // namespace davit::shim
