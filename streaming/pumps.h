// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Between descriptors of a process or of a pod's socket and channels.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "streaming/channels.h"

namespace davit {

// From a descriptor to a channel, no faster than the client takes it.
class OutputPump {
 public:
  // `scratch` is shared; `on_end` is called once: nothing comes any more. The pump may be destroyed in it
  // only if that is the last thing that it does.
  OutputPump(EventLoop& loop, ChannelLink& link, std::span<char> scratch, std::function<void()> on_end)
      : loop_(loop), link_(link), scratch_(scratch), on_end_(std::move(on_end)) {}
  ~OutputPump() { Unwatch(); }
  OutputPump(const OutputPump&) = delete;
  OutputPump& operator=(const OutputPump&) = delete;

  // Begins with `fd`, non-blocking. `drop`: what comes is read and thrown away.
  enum class Use { kSend, kDrop };
  void Start(UniqueFd fd, ChannelId channel, Use use = Use::kSend);
  bool started() const { return started_; }
  bool ended() const { return ended_; }

  // The client takes more.
  void Resume();
  // The process is gone: what it has written into its pipe by now still counts, what others who hold the pipe
  // write later does not.
  void EndAfterRest();
  void EndNow();

 private:
  void OnReadable();
  bool SendPipe();
  void Watch();
  void Unwatch();

  EventLoop& loop_;
  ChannelLink& link_;
  std::span<char> scratch_;
  std::function<void()> on_end_;
  UniqueFd fd_;
  ChannelId channel_ = 0;
  Use use_ = Use::kSend;
  bool is_pipe_ = false;
  int64_t rest_ = -1;  // how much still counts; -1: everything
  bool watched_ = false;
  bool started_ = false;
  bool ended_ = false;
};

// From a channel to a descriptor, with what that does not take at once kept in memory.
class InputPump {
 public:
  // Beyond this the client is not read from any more.
  static constexpr size_t kEnough = 64 << 10;

  enum class AtEnd { kClose, kShutdown };
  // `on_relief`: what was kept is written, or will never be. `on_end`: the end was passed on.
  InputPump(EventLoop& loop, AtEnd at_end, std::function<void()> on_relief, std::function<void()> on_end)
      : loop_(loop), at_end_(at_end), on_relief_(std::move(on_relief)), on_end_(std::move(on_end)) {}
  ~InputPump() { Unwatch(); }
  InputPump(const InputPump&) = delete;
  InputPump& operator=(const InputPump&) = delete;

  // Non-blocking, in place of what was connected before. Input that comes before is kept; empty: dropped.
  void Connect(UniqueFd fd);
  void Push(std::string_view data);
  void End();

  bool congested() const { return pending_.size() > kEnough; }

 private:
  void Flush();
  void PassEndOn();
  void Drop();
  void Watch();
  void Unwatch();

  EventLoop& loop_;
  AtEnd at_end_;
  std::function<void()> on_relief_;
  std::function<void()> on_end_;
  UniqueFd fd_;
  std::string pending_;
  bool connected_ = false;
  bool dropping_ = false;
  bool ended_ = false;
  bool end_passed_on_ = false;
  bool watched_ = false;
};

}  // namespace davit
