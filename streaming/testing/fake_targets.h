// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A fake of the container runtime that the stream server uses.
#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "streaming/order.h"
#include "streaming/targets.h"
#include "streaming/testing/pipes.h"

namespace davit::streaming {

// One process, played by the test: it has the process's ends of the pipes and reports its exit.
class FakeTargets final : public StreamTargets {
 public:
  void StreamExec(const ExecOrder& order, OnStreams on_streams, OnExit on_exit) override {
    Give(order.streams, on_streams);
    std::lock_guard lock(mutex_);
    on_exit_ = std::move(on_exit);
    started_ = true;
    changed_.notify_all();
  }
  void StreamAttach(const AttachOrder& order, OnStreams on_streams) override {
    std::lock_guard lock(mutex_);
    if (attach_throws) throw std::runtime_error("thrown by a test");
    if (hold_attach)
      attach_ = [this, order, on_streams] { Give(order.streams, on_streams); };
    else
      Give(order.streams, on_streams);
    started_ = true;
    changed_.notify_all();
  }
  void CloseContainerInput(const std::string&) override {
    std::lock_guard lock(mutex_);
    input_closed = true;
    changed_.notify_all();
  }
  void OpenSockets(const std::string&, OnSockets on_sockets) override {
    std::lock_guard lock(mutex_);
    if (!hold_sockets) return GiveSockets(on_sockets);
    asked_for_sockets_.push_back(std::move(on_sockets));
    changed_.notify_all();
  }

  // Waits until an exec or attach order has arrived.
  bool AwaitStart() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [this] { return started_; });
  }
  // Waits until the server has closed the container's input.
  bool AwaitInputClosed() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [this] { return input_closed; });
  }
  // Reports the exit of the command of the last exec.
  void Exit(int code) { on_exit_(code); }
  // Passes the streams of the held attach to the server.
  void FinishAttach() { attach_(); }

  // Waits until sockets were requested `count` times while they were held, and passes all of them on.
  bool FinishSockets(size_t count) {
    std::unique_lock lock(mutex_);
    bool asked = changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs),
                                   [&] { return asked_for_sockets_.size() == count; });
    for (const OnSockets& on_sockets : asked_for_sockets_) GiveSockets(on_sockets);
    return asked;
  }

  // The process's ends of the streams: `in` is read, `out` and `err` are written.
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
  UniqueFd cut_off;                 // as ProcessStreams::cut_off
  bool close_input_at_end = false;  // as ProcessStreams::close_input_at_end
  bool input_closed = false;        // CloseContainerInput was called
  bool hold_attach = false;         // StreamAttach gives no streams until FinishAttach
  bool attach_throws = false;       // StreamAttach throws
  bool hold_sockets = false;        // OpenSockets gives no sockets until FinishSockets

 private:
  static void GiveSockets(const OnSockets& on_sockets) {
    std::vector<UniqueFd> sockets;
    sockets.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    on_sockets(std::move(sockets));
  }
  // Makes a pipe for each wanted stream and passes the server's ends to the callback.
  void Give(const StreamSet& wanted, const OnStreams& on_streams) {
    ProcessStreams streams;
    if (wanted.in) std::tie(in, streams.in) = Pipe();
    if (wanted.out) std::tie(streams.out, out) = Pipe();
    if (wanted.err) std::tie(streams.err, err) = Pipe();
    streams.cut_off.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    cut_off.Reset(fcntl(streams.cut_off.get(), F_DUPFD_CLOEXEC, 0));
    streams.close_input_at_end = close_input_at_end;
    on_streams(std::move(streams));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  OnExit on_exit_;
  std::function<void()> attach_;
  std::vector<OnSockets> asked_for_sockets_;
};

}  // namespace davit::streaming
