// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/exec_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/time.h"

namespace davit::cri {

Result<std::shared_ptr<ExecOutput>> ExecOutput::Create(UniqueFd outcome, size_t most) {
  std::shared_ptr<ExecOutput> output(new ExecOutput(std::move(outcome), most));
  TRY(Open(output->out_));
  TRY(Open(output->err_));
  return output;
}

ExecOutput::~ExecOutput() = default;

Result<> ExecOutput::Open(Pipe& pipe) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return SystemError("pipe2", "exec");
  pipe.reader.Reset(ends[0]);
  pipe.writer.Reset(ends[1]);
  if (fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "exec");
  return {};
}

// All that is in the pipe now. A writer that is as fast as this reader must not hold it here.
void ExecOutput::Drain(Pipe& pipe) {
  // What a pipe can hold for a process without privileges (pipe(7), pipe-max-size).
  constexpr size_t kMaxPipe = 1 << 20;
  char buffer[32 << 10];
  for (size_t read_so_far = 0; read_so_far < kMaxPipe;) {
    ssize_t n = TEMP_FAILURE_RETRY(read(pipe.reader.get(), buffer, sizeof buffer));
    if (n <= 0) return;
    read_so_far += static_cast<size_t>(n);
    size_t kept = std::min(most_ - kept_, static_cast<size_t>(n));
    pipe.text.append(buffer, kept);
    kept_ += kept;
  }
}

Result<bool> ExecOutput::WaitHere(int64_t until_ms) {
  while (true) {
    int64_t left = until_ms - MonotonicMilliseconds();
    if (left <= 0) return false;
    pollfd fds[3] = {
        {outcome_.get(), POLLIN, 0}, {out_.reader.get(), POLLIN, 0}, {err_.reader.get(), POLLIN, 0}};
    int ready = TEMP_FAILURE_RETRY(poll(fds, 3, static_cast<int>(std::min<int64_t>(left, 1 << 30))));
    if (ready < 0) return SystemError("poll", "exec");
    Drain(out_);
    Drain(err_);
    if (fds[0].revents != 0) return true;
  }
}

void ExecOutput::WaitOn(Reactor& reactor, int64_t deadline_ms, std::stop_token gone, OnEnd on_end) {
  reactor.Post([self = shared_from_this(), &reactor, deadline_ms, gone, on_end = std::move(on_end)] {
    self->loop_ = &reactor.loop();
    self->on_end_ = on_end;
    if (Result<> watched = self->Watch(deadline_ms); !watched)
      return self->Finish(std::unexpected(std::move(watched).error()));
    auto end = [weak = self->weak_from_this(), &reactor] {
      reactor.Post([weak] {
        if (auto alive = weak.lock()) alive->Finish(End::kGone);
      });
    };
    self->on_gone_ = std::make_unique<std::stop_callback<std::function<void()>>>(gone, end);
  });
}

// The watches keep the object alive.
Result<> ExecOutput::Watch(int64_t deadline_ms) {
  timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return SystemError("timerfd_create", "exec");
  int64_t left = std::max<int64_t>(deadline_ms - MonotonicMilliseconds(), 1);
  itimerspec at{};
  at.it_value.tv_sec = left / 1000;
  at.it_value.tv_nsec = left % 1000 * 1'000'000;
  if (timerfd_settime(timer_.get(), 0, &at, nullptr) < 0) return SystemError("timerfd_settime", "exec");
  auto self = shared_from_this();
  TRY(loop_->Add(timer_.get(), EPOLLIN, [self](uint32_t) { self->Finish(End::kDeadline); }));
  TRY(loop_->Add(out_.reader.get(), EPOLLIN, [self](uint32_t) { self->Drain(self->out_); }));
  TRY(loop_->Add(err_.reader.get(), EPOLLIN, [self](uint32_t) { self->Drain(self->err_); }));
  return loop_->Add(outcome_.get(), EPOLLIN, [self](uint32_t) {
    self->Drain(self->out_);
    self->Drain(self->err_);
    self->Finish(End::kOutcome);
  });
}

void ExecOutput::Finish(Result<End> end) {
  OnEnd on_end = std::exchange(on_end_, nullptr);
  if (on_end == nullptr) return;
  for (int fd : {timer_.get(), out_.reader.get(), err_.reader.get(), outcome_.get()}) loop_->Remove(fd);
  on_gone_.reset();
  on_end(std::move(end));
}

}  // namespace davit::cri
