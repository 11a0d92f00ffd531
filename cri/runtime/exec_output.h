// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a command writes until it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/error.h"
#include "base/reactor.h"
#include "base/unique_fd.h"

namespace davit {

// Collects the output of one command until its outcome can be read. Both ends of both pipes stay open here to
// the end, so that the command's end alone does not wake a waiter before the outcome does. A grandchild that
// goes on writing delays nothing: what counts is the command.
class ExecOutput : public std::enable_shared_from_this<ExecOutput> {
 public:
  // Of both streams together; the kubelet's receive limit of 16 MiB is for the whole message. More is read
  // and dropped.
  static constexpr size_t kMost = 16'000'000;

  // `outcome` becomes readable when the command has ended.
  static Result<std::shared_ptr<ExecOutput>> Create(UniqueFd outcome);
  ~ExecOutput();
  ExecOutput(const ExecOutput&) = delete;
  ExecOutput& operator=(const ExecOutput&) = delete;

  // For the command; they stay this object's.
  int stdout_writer() const { return out_.writer.get(); }
  int stderr_writer() const { return err_.writer.get(); }
  int outcome() const { return outcome_.get(); }
  // Tells the shim to kill the command.
  void CloseOutcome() { outcome_.Reset(); }

  // Collects on the calling thread. False when `until_ms` (MonotonicMilliseconds) came before the outcome.
  Result<bool> WaitHere(int64_t until_ms);

  enum class End { kOutcome, kDeadline, kGone };
  using OnEnd = std::function<void(Result<End>)>;
  // The same on the reactor, which it needs no thread for. `on_end` is called once, on the reactor's thread;
  // kGone when `gone` is requested. The reactor outlives the wait.
  void WaitOn(Reactor& reactor, int64_t deadline_ms, std::stop_token gone, OnEnd on_end);

  // What has been collected, once.
  std::string TakeStdout() { return std::move(out_.text); }
  std::string TakeStderr() { return std::move(err_.text); }

 private:
  struct Pipe {
    UniqueFd reader;  // non-blocking
    UniqueFd writer;
    std::string text;
  };
  explicit ExecOutput(UniqueFd outcome) : outcome_(std::move(outcome)) {}

  static Result<> Open(Pipe& pipe);
  void Drain(Pipe& pipe);
  Result<> Watch(int64_t deadline_ms);
  void Finish(Result<End> end);

  Pipe out_;
  Pipe err_;
  UniqueFd outcome_;
  size_t kept_ = 0;
  // Of WaitOn, on the reactor's thread.
  EventLoop* loop_ = nullptr;
  UniqueFd timer_;
  OnEnd on_end_;
  std::unique_ptr<std::stop_callback<std::function<void()>>> on_gone_;
};

}  // namespace davit
