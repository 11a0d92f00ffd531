// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Copy data between channels and the descriptors of a process or of a socket in a pod.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "streaming/channels.h"

namespace davit::streaming {

// Copies from a descriptor to a channel, no faster than the client reads.
class OutputPump {
 public:
  // `scratch` is shared with other pumps. `on_end` is called once, at the end of the data; it may destroy the
  // pump only as its last action.
  OutputPump(EventLoop& loop, ChannelLink& link, std::span<char> scratch, std::function<void()> on_end)
      : loop_(loop), link_(link), scratch_(scratch), on_end_(std::move(on_end)) {}
  ~OutputPump() { Unwatch(); }
  OutputPump(const OutputPump&) = delete;
  OutputPump& operator=(const OutputPump&) = delete;

  // Starts to read `fd`, which must be non-blocking. kDrop: data is read and discarded.
  enum class Use { kSend, kDrop };
  void Start(UniqueFd fd, ChannelId channel, Use use = Use::kSend);
  bool started() const { return started_; }
  bool ended() const { return ended_; }

  // Call it when the link has_room() again.
  void Resume();
  // Call it when the process has ended: sends what the pipe holds now. Data that other processes write to the
  // pipe later is ignored.
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
  int64_t rest_ = -1;  // how much is still to be sent; -1: everything
  bool watched_ = false;
  bool started_ = false;
  bool ended_ = false;
};

// Copies from a channel to a descriptor, and buffers what the descriptor does not take at once.
class InputPump {
 public:
  // With more buffered bytes than this, the client is no longer read from.
  static constexpr size_t kEnough = 64 << 10;

  enum class AtEnd { kClose, kShutdown };
  // `on_relief`: no longer congested(), because buffered data was written or discarded. `on_end`: the end of
  // the input was passed on.
  InputPump(EventLoop& loop, AtEnd at_end, std::function<void()> on_relief, std::function<void()> on_end)
      : loop_(loop), at_end_(at_end), on_relief_(std::move(on_relief)), on_end_(std::move(on_end)) {}
  ~InputPump() { Unwatch(); }
  InputPump(const InputPump&) = delete;
  InputPump& operator=(const InputPump&) = delete;

  // Connects `fd`, non-blocking, in place of an earlier one. Input that arrives before the first call is
  // buffered. With an empty `fd`, all input is discarded.
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

}  // namespace davit::streaming
