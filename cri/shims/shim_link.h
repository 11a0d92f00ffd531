// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's end of one shim's connection (shim/protocol.h).
#pragma once

#include <functional>
#include <future>
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

// What a shim says without being asked. Called on the reactor's thread, so an implementation must not block
// on the shim.
struct ShimEvents {
  std::function<void(const ContainerExited&)> container_exited;
  std::function<void(const ExecExited&)> exec_exited;
  std::function<void()> shim_died;  // the process is gone and reaped; the last call
};

// An answer that has not come yet.
class PendingReply {
 public:
  // Waits until `deadline_ms` (MonotonicMilliseconds). The shim's kFailed comes back as the Error that it
  // carries; a shim that died is kUnavailable; a late answer kDeadlineExceeded.
  Result<Frame> Wait(int64_t deadline_ms);

 private:
  friend class ShimLink;
  std::future<Result<Frame>> reply_;
  std::string name_;
};

// The one frame that the socket of an exec gets (FdRole::kOutcome). kUnavailable: the shim is gone.
Result<ExecExited> ReceiveExecOutcome(int socket, const std::string& container_id);

// Thread-safe. Lives in a shared_ptr: callbacks on the reactor hold it while they run.
class ShimLink : public std::enable_shared_from_this<ShimLink> {
 public:
  // Takes a connected socket and the shim's process, and begins to read.
  static std::shared_ptr<ShimLink> Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                        PidFd shim, ShimEvents events);

  // Sends one request. An answer that nobody waits for is dropped.
  Result<PendingReply> Send(ShimMessage type, const std::string& payload, std::span<const int> fds,
                            int64_t deadline_ms) EXCLUDES(mutex_);
  Result<Frame> Call(ShimMessage type, const std::string& payload, std::span<const int> fds,
                     int64_t deadline_ms);
  // Sends a request that brings a socket for its answer.
  Result<> Hand(ShimMessage type, const std::string& payload, std::span<const int> fds, int64_t deadline_ms)
      EXCLUDES(mutex_);

  bool alive() const EXCLUDES(mutex_);
  const PidFd& process() const { return shim_; }

  // Stops reading; the shim lives on. No event comes after the returned future is ready.
  std::future<void> Close();

 private:
  ShimLink(Reactor& reactor, std::string sandbox_id, UniqueFd socket, PidFd shim, ShimEvents events)
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
  void Answer(Frame frame) EXCLUDES(mutex_);
  void FailPending(const std::string& reason) EXCLUDES(mutex_);
  void StopReading();

  Reactor& reactor_;
  const std::string sandbox_id_;
  const UniqueFd socket_;
  const PidFd shim_;
  const ShimEvents events_;
  bool reading_ = false;  // reactor's thread only

  mutable Mutex mutex_;
  uint32_t next_request_ GUARDED_BY(mutex_) = 1;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::map<uint32_t, std::promise<Result<Frame>>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit
