// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The output of a command until its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "base/reactor.h"
#include "base/unique_fd.h"

namespace davit::cri {

// Collects the output of one command until its outcome is readable. This object keeps both ends of both pipes
// open, so that poll() is not woken by HUP when the command exits before its outcome arrives. A grandchild
// that continues to write does not delay the result: only the command's end counts.
class ExecOutput : public std::enable_shared_from_this<ExecOutput> {
 public:
  // The limit of both streams together, in bytes; the kubelet's limit of 16 MiB is for the whole message.
  // Output beyond the limit is read and discarded.
  static constexpr size_t kMost = 16'000'000;

  // `outcome` becomes readable when the command has ended. `most` is the limit of both streams, in bytes.
  static Result<std::shared_ptr<ExecOutput>> Create(UniqueFd outcome, size_t most = kMost);
  ~ExecOutput();
  ExecOutput(const ExecOutput&) = delete;
  ExecOutput& operator=(const ExecOutput&) = delete;

  // The write ends for the command; owned by this object.
  int stdout_writer() const { return out_.writer.get(); }
  int stderr_writer() const { return err_.writer.get(); }
  int outcome() const { return outcome_.get(); }
  // Closes the outcome, which makes the shim kill the command.
  void CloseOutcome() { outcome_.Reset(); }

  // Collects on the calling thread. Returns false if the outcome is not readable at `until_ms`
  // (MonotonicMilliseconds).
  Result<bool> WaitHere(int64_t until_ms);

  enum class End { kOutcome, kDeadline, kGone };
  using OnEnd = std::function<void(Result<End>)>;
  // The same on the reactor, without a waiting thread. `on_end` is called once, on the reactor's thread; with
  // kGone if a stop is requested by `gone`. The reactor must outlive the wait.
  void WaitOn(Reactor& reactor, int64_t deadline_ms, std::stop_token gone, OnEnd on_end);

  // Returns the collected output; call each once.
  std::string TakeStdout() { return std::move(out_.text); }
  std::string TakeStderr() { return std::move(err_.text); }

 private:
  struct Pipe {
    UniqueFd reader;  // non-blocking
    UniqueFd writer;
    std::string text;
  };
  ExecOutput(UniqueFd outcome, size_t most) : most_(most), outcome_(std::move(outcome)) {}

  static Result<> Open(Pipe& pipe);
  void Drain(Pipe& pipe);
  Result<> Watch(int64_t deadline_ms);
  void Finish(Result<End> end);

  const size_t most_;
  Pipe out_;
  Pipe err_;
  UniqueFd outcome_;
  size_t kept_ = 0;
  // Used by WaitOn on the reactor's thread.
  EventLoop* loop_ = nullptr;
  UniqueFd timer_;
  OnEnd on_end_;
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_gone_;
};

}  // namespace davit::cri
