// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_writer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <utility>

namespace davit::shim {
namespace {
constexpr int64_t kRetryMs = 1000;
}

// Mapped, so that it is given back when a container falls silent.
struct LogWriter::Memory {
  Memory() {
    void* pages = mmap(nullptr, 2 * kBatchBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) abort();  // as operator new does
    bytes = static_cast<char*>(pages);
  }
  ~Memory() { munmap(bytes, 2 * kBatchBytes); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  char* bytes;
};

LogWriter::LogWriter(Environment& env, UniqueFd log, std::function<void()> on_written)
    : env_(env), log_(std::move(log)), on_written_(std::move(on_written)) {}

LogWriter::~LogWriter() {
  env_.timers.Cancel(retry_);
  DropTask();
}

LogBatch& LogWriter::batch() {
  if (memory_) return open_;
  memory_ = std::make_shared<Memory>();
  open_ = LogBatch({memory_->bytes, kBatchBytes});
  flying_ = LogBatch({memory_->bytes + kBatchBytes, kBatchBytes});
  return open_;
}

bool LogWriter::Submit() {
  if (open_.empty()) return true;
  if (!log_) open_.Clear();
  if (!IsIdle() && task_->Await()) return false;
  Dispatch();
  return open_.empty();
}

bool LogWriter::Await() {
  Submit();
  if (task_ && task_->Await()) return false;
  return IsSettled();
}

void LogWriter::Replace(UniqueFd log, std::function<void()> done) {
  next_log_ = std::move(log);
  switched_.push_back(std::move(done));
  if (!IsIdle() && task_->Await()) return;
  Dispatch();
}

uint64_t LogWriter::dropped_bytes() const {
  return dropped_bytes_ + (task_ ? task_->file().dropped_bytes : 0);
}

// While it is idle.
void LogWriter::Dispatch() {
  SwitchFile();
  if (open_.empty() || retry_ != 0) return;
  std::swap(open_, flying_);
  open_.Clear();
  Post();
}

void LogWriter::Post() {
  if (task_ && task_->Post(flying_.text(), memory_)) return;
  if (StartTask() && task_->Post(flying_.text(), memory_)) return;
  std::swap(open_, flying_);
  RetryLater();
}

bool LogWriter::StartTask() {
  DropTask();
  Result<std::shared_ptr<LogTask>> started =
      LogTask::Start(env_, log_.get(), torn_, {[this] { OnWritten(); }, [this] { OnTaskEnded(); }});
  if (started) {
    task_ = std::move(*started);
    return true;
  }
  env_.log.Log(LogLevel::kError, "cannot write a container's log yet",
               {{"error", started.error().ToString()}});
  return false;
}

void LogWriter::DropTask() {
  if (!task_) return;
  if (task_->IsIdle()) {
    torn_ = task_->file().torn;
    dropped_bytes_ += task_->file().dropped_bytes;
  }
  std::exchange(task_, nullptr)->Stop();
}

void LogWriter::RetryLater() {
  retry_ = env_.timers.Add(kRetryMs, [this] {
    retry_ = 0;
    OnWritten();
  });
}

void LogWriter::SwitchFile() {
  if (switched_.empty()) return;
  DropTask();
  torn_ = false;
  log_ = std::move(next_log_);
  for (auto& done : std::exchange(switched_, {})) done();
}

void LogWriter::OnWritten() {
  // Notice of an earlier batch may come when the next one is under way.
  if (!IsIdle() && task_->Await()) return;
  Dispatch();
  auto on_written = on_written_;  // may destroy this object
  on_written();
}

// By itself after a pause, or killed by somebody.
void LogWriter::OnTaskEnded() {
  DropTask();
  if (IsSettled()) memory_.reset();
  if (!memory_) open_ = flying_ = LogBatch();
  OnWritten();
}

}  // namespace davit::shim
