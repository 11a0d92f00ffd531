// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_task.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include <cstdio>

#include "shim/raw_syscall.h"

namespace davit::shim {
namespace {

// Shared::state. The shim posts and stops, the process becomes idle and ends.
enum : uint32_t { kIdle, kPosted, kStopped, kEnded };

constexpr time_t kIdleSeconds = 10;

// Not std::atomic: a sanitizer may replace its functions by ones that use the calling thread's memory.
uint32_t Load(const uint32_t& word) {
  return __atomic_load_n(&word, __ATOMIC_SEQ_CST);
}
void Store(uint32_t& word, uint32_t value) {
  __atomic_store_n(&word, value, __ATOMIC_SEQ_CST);
}
bool Exchange(uint32_t& word, uint32_t from, uint32_t to) {
  return __atomic_compare_exchange_n(&word, &from, to, /*weak=*/false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void Wake(uint32_t& word) {
  RawSyscall(__NR_futex, reinterpret_cast<long>(&word), FUTEX_WAKE_PRIVATE, 1);
}

void CloseRange(int first, int last) {
  if (first <= last) RawSyscall(__NR_close_range, first, last);
}

}  // namespace

Result<std::shared_ptr<LogTask>> LogTask::Start(Environment& env, int log, bool torn, Callbacks callbacks) {
  std::shared_ptr<LogTask> task(new LogTask(env, std::move(callbacks)));
  task->notice_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!task->notice_) return SystemError("eventfd", "log");
  Shared& shared = task->shared_;
  shared.file.torn = torn;
  shared.log = log;
  shared.proc = env.own.proc.get();
  shared.notice = task->notice_.get();
  snprintf(shared.path, sizeof shared.path, "self/fd/%d", log);
  TRY(task->Spawn());
  return task;
}

LogTask::~LogTask() {
  if (notice_) env_.loop.Remove(notice_.get());
}

Result<> LogTask::Spawn() {
  TRY(env_.loop.Add(notice_.get(), EPOLLIN, [this](uint32_t) { OnNotice(); }));
  pid_ = clone(&LogTask::Main, shared_.stack + sizeof shared_.stack, CLONE_VM | SIGCHLD, &shared_);
  if (pid_ < 0) return SystemError("clone", "log writer");
  env_.children.Watch(pid_, [self = shared_from_this()](ExitStatus) { self->OnExit(); });
  return {};
}

bool LogTask::Post(std::string_view batch, std::shared_ptr<const void> memory) {
  shared_.data = batch.data();
  shared_.size = batch.size();
  if (!Exchange(shared_.state, kIdle, kPosted)) return false;
  memory_ = std::move(memory);
  Wake(shared_.state);
  return true;
}

bool LogTask::IsIdle() const {
  return Load(shared_.state) != kPosted;
}

bool LogTask::Await() {
  Store(shared_.awaited, 1);
  return !IsIdle();
}

void LogTask::OnNotice() {
  uint64_t ignored;
  [[maybe_unused]] ssize_t n = read(notice_.get(), &ignored, sizeof ignored);
  if (!callbacks_.on_written) return;
  auto on_written = callbacks_.on_written;  // may drop this object
  on_written();
}

void LogTask::OnExit() {
  pid_ = 0;
  env_.loop.Remove(notice_.get());
  notice_.Reset();
  // Killed, if it had not finished: what it had is lost, and counts as written lest others wait for it.
  if (Exchange(shared_.state, kPosted, kEnded)) shared_.file.dropped_bytes += shared_.size;
  Store(shared_.state, kEnded);
  memory_.reset();
  auto on_ended = std::exchange(callbacks_.on_ended, nullptr);
  if (on_ended) on_ended();
}

void LogTask::Stop() {
  callbacks_ = {};
  if (Exchange(shared_.state, kIdle, kStopped)) return Wake(shared_.state);
  if (pid_ > 0 && !IsIdle()) (void)kill(pid_, SIGKILL);
}

// From here on it is the process: no C library, no heap, no destructors.

int LogTask::Main(void* argument) {
  Shared& shared = *static_cast<Shared*>(argument);
  RawSyscall(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
  RawSyscall(__NR_prctl, PR_SET_NAME, reinterpret_cast<long>("davit-log"));
  Open(shared);
  while (AwaitBatch(shared)) {
    WriteBatch(shared.file, shared.data, shared.size);
    Store(shared.state, kIdle);
    if (Load(shared.awaited) == 0) continue;
    Store(shared.awaited, 0);
    uint64_t one = 1;
    RawSyscall(__NR_write, shared.notice, reinterpret_cast<long>(&one), sizeof one);
  }
  // Not to return to the C library, which would flush and free what is the shim's. The file is closed here.
  while (true) RawSyscall(__NR_exit_group, 0);
}

// Its copies of the shim's descriptors go first: a pipe's reader would wait for them.
void LogTask::Open(Shared& shared) {
  int kept[3] = {shared.log, shared.proc, shared.notice};
  for (int i = 0; i < 2; ++i) {
    for (int j = i + 1; j < 3; ++j) {
      if (kept[j] < kept[i]) std::swap(kept[i], kept[j]);
    }
  }
  int next = 3;
  for (int fd : kept) {
    CloseRange(next, fd - 1);
    next = fd + 1;
  }
  RawSyscall(__NR_close_range, next, -1);
  constexpr int kFlags = O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC;
  shared.file.fd =
      static_cast<int>(RawSyscall(__NR_openat, shared.proc, reinterpret_cast<long>(shared.path), kFlags));
  RawSyscall(__NR_close, shared.log);
  RawSyscall(__NR_close, shared.proc);
}

// Returns false when it is to end.
bool LogTask::AwaitBatch(Shared& shared) {
  while (true) {
    uint32_t state = Load(shared.state);
    if (state != kIdle) return state == kPosted;
    timespec patience{kIdleSeconds, 0};
    long woken = RawSyscall(__NR_futex, reinterpret_cast<long>(&shared.state), FUTEX_WAIT_PRIVATE, kIdle,
                            reinterpret_cast<long>(&patience));
    if (woken == -ETIMEDOUT && Exchange(shared.state, kIdle, kEnded)) return false;
  }
}

}  // namespace davit::shim
