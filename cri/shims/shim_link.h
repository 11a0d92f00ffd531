// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's end of one shim's connection (shim/protocol.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/frame.h"
#include "base/pid_fd.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "shim/protocol.h"

namespace davit {

// What comes without being asked for. Called on the reactor's thread, so an implementation must not block on
// the shim.
struct LinkEvents {
  std::function<void(Frame)> event;  // a frame that answers nothing
  std::function<void()> died;        // the process is gone and reaped; the last call
};

// One connection to a shim and the shim's process. Thread-safe. Lives in a shared_ptr: callbacks on the
// reactor hold it while they run.
class ShimLink : public std::enable_shared_from_this<ShimLink> {
 public:
  // The shim's kFailed comes as the Error that it carries; a shim that died is kUnavailable.
  using OnReply = std::function<void(Result<Frame>)>;

  // Takes a connected socket and the shim's process, and begins to read.
  static std::shared_ptr<ShimLink> Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                        PidFd shim, LinkEvents events);

  // Sends one request. `on_reply` comes once, on the reactor's thread, unless sending fails.
  Result<> Ask(ShimMessage type, const std::string& payload, std::span<const int> fds, int64_t deadline_ms,
               OnReply on_reply) EXCLUDES(mutex_);
  // The same, and waits for the answer; kDeadlineExceeded when it is late.
  Result<Frame> Call(ShimMessage type, const std::string& payload, std::span<const int> fds,
                     int64_t deadline_ms);
  // Sends a request that brings a socket for its answer.
  Result<> Hand(ShimMessage type, const std::string& payload, std::span<const int> fds, int64_t deadline_ms)
      EXCLUDES(mutex_);

  bool alive() const EXCLUDES(mutex_);
  const PidFd& process() const { return shim_; }

  // Stops reading; the shim lives on. No event comes after it returned. Not on the reactor's thread.
  void Close();

 private:
  ShimLink(Reactor& reactor, std::string sandbox_id, UniqueFd socket, PidFd shim, LinkEvents events)
      : reactor_(reactor),
        sandbox_id_(std::move(sandbox_id)),
        socket_(std::move(socket)),
        shim_(std::move(shim)),
        events_(std::move(events)) {}

  Result<> SendFrom(uint32_t request, ShimMessage type, const std::string& payload, std::span<const int> fds,
                    int64_t deadline_ms);
  void Watch();
  void OnReadable();
  void OnShimDead();
  void Dispatch(Frame frame) EXCLUDES(mutex_);
  void FailPending(const std::string& reason) EXCLUDES(mutex_);
  void StopReading();

  Reactor& reactor_;
  const std::string sandbox_id_;
  const UniqueFd socket_;
  const PidFd shim_;
  const LinkEvents events_;
  bool reading_ = false;  // reactor's thread only

  mutable Mutex mutex_;
  uint32_t next_request_ GUARDED_BY(mutex_) = 1;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::map<uint32_t, OnReply> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit
