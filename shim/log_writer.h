// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The way of log lines from the loop to a LogTask, without a wait for the file.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "shim/environment.h"
#include "shim/log_batch.h"
#include "shim/log_task.h"

namespace davit {

// Two batches take turns: one is written while the other one is filled. A log that hangs has both full; then
// whoever fills them waits for `on_written`, and so does the container, whose pipe is full in turn.
class LogWriter {
 public:
  static constexpr size_t kBatchBytes = 32 << 10;

  // `log` is the file, O_PATH; if empty, everything is dropped and not counted. `on_written` is called, after
  // Submit or Await have returned false, when a batch has been written; the writer may be destroyed inside.
  LogWriter(Environment& env, UniqueFd log, std::function<void()> on_written);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // To be filled; what does not fit has to wait for a Submit that returns true, or for `on_written`.
  LogBatch& batch();
  // Passes on what the batch has, now or when the one before is written. Returns false when that is to come.
  bool Submit();

  // Everything that was submitted is in the file.
  bool IsSettled() const { return open_.empty() && IsIdle(); }
  // Returns IsSettled(); if false, `on_written` follows.
  bool Await();

  // Later batches go to `log`. `done` is called, perhaps at once, when none goes to the file before any more.
  void Replace(UniqueFd log, std::function<void()> done);

  // While it is settled.
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
  std::shared_ptr<Memory> memory_;  // of both batches; absent while there is no output
  LogBatch open_;
  LogBatch flying_;
  std::shared_ptr<LogTask> task_;
  bool torn_ = false;
  uint64_t dropped_bytes_ = 0;  // by earlier tasks
  UniqueFd next_log_;
  std::vector<std::function<void()>> switched_;
  Timers::Id retry_ = 0;
};

}  // namespace davit
