// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's end of one shim's connections (shim/protocol.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "base/frame.h"
#include "base/pid_fd.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "shim/protocol.h"

namespace davit {

class ShimLink;

// What comes without being asked for. Called on the reactor's thread, so an implementation must not block on
// the shim. After one that throws a new connection is made, as if the frame that it was called for was not
// read.
struct LinkEvents {
  std::function<void(ShimLink&, Frame)> event;  // a frame that answers nothing
  // What happened before this connection is not known. What is sent from here goes first on it; requests of
  // other threads follow.
  std::function<void(ShimLink&)> connected;
  std::function<void()> died;  // the process is gone and reaped; the last call
};

// A shim's process and the connection to it. The process is what counts: while it lives, a connection that is
// lost is made anew, with growing delays. One frame that cannot be read fails the request that it answers; if
// that is not known, the connection is made anew, and with it all that may have been missed. Thread-safe.
// Lives in a shared_ptr: callbacks on the reactor hold it while they run.
class ShimLink : public std::enable_shared_from_this<ShimLink> {
 public:
  // The shim's kFailed comes as the Error that it carries; a shim that died and a connection that was lost
  // are kUnavailable.
  using OnReply = std::function<void(Result<Frame>)>;
  // Never waits. Called on the reactor's thread.
  using Connect = std::function<Result<UniqueFd>()>;

  // Whether `connected` is called for the first connection, too, as it is for all that follow.
  enum class First { kNothing, kMeet };

  // Takes a connected socket and the shim's process, and begins to read. `connect` makes the next
  // connections.
  static std::shared_ptr<ShimLink> Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                        PidFd shim, Connect connect, LinkEvents events, First first);

  // Sends one request. `on_reply` comes once, on the reactor's thread, unless sending fails. Waits for a
  // connection or for room until `deadline_ms`.
  Result<> Ask(ShimMessage type, const std::string& payload, std::span<const RoleFd> fds, int64_t deadline_ms,
               OnReply on_reply) EXCLUDES(mutex_);
  // The same, and waits for the answer; kDeadlineExceeded when it is late.
  Result<Frame> Call(ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                     int64_t deadline_ms);
  // Sends a request that brings a socket for its answer.
  Result<> Hand(ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                int64_t deadline_ms) EXCLUDES(mutex_);

  // Gives up what is asked on this connection, and makes a new one; each time in a row it waits longer. On
  // the reactor's thread.
  void Reconnect(const std::string& reason) EXCLUDES(mutex_);
  // The shim is understood on this connection: the next one may be made soon. On the reactor's thread.
  void Settle();

  // Until the process has ended, or the link was closed.
  bool alive() const EXCLUDES(mutex_);
  const PidFd& process() const { return shim_; }

  // Stops reading; the shim lives on. No event comes after it returned. Not on the reactor's thread.
  void Close();

 private:
  using Socket = std::shared_ptr<const UniqueFd>;  // open as long as a sender uses it

  ShimLink(Reactor& reactor, std::string sandbox_id, PidFd shim, Connect connect, LinkEvents events);

  bool MaySend() const REQUIRES(mutex_);
  Result<Socket> AwaitConnection(int64_t deadline_ms) EXCLUDES(mutex_);
  Result<> SendOn(const UniqueFd& socket, uint32_t request, ShimMessage type, const std::string& payload,
                  std::span<const RoleFd> fds, int64_t deadline_ms) const;
  Socket Connection() const EXCLUDES(mutex_);

  // All below: on the reactor's thread.
  template <typename Work>
  void Turn(Work work) EXCLUDES(mutex_);
  void Begin(const Socket& socket, First first) EXCLUDES(mutex_);
  bool Listen(const UniqueFd& socket);
  void Adopt(const Socket& socket) EXCLUDES(mutex_);
  void OnReadable() EXCLUDES(mutex_);
  bool ReceiveOne(int socket) EXCLUDES(mutex_);
  void OnDamaged(const DamagedFrame& damaged, const Error& error) EXCLUDES(mutex_);
  void OnRetryDue() EXCLUDES(mutex_);
  void OnShimDead() EXCLUDES(mutex_);
  void Dispatch(Frame frame) EXCLUDES(mutex_);
  OnReply TakeWaiting(uint32_t request) EXCLUDES(mutex_);
  void DropConnection(const std::string& reason) EXCLUDES(mutex_);
  void ScheduleRetry();
  void End(const std::string& reason) EXCLUDES(mutex_);

  Reactor& reactor_;
  const std::string sandbox_id_;
  const PidFd shim_;
  const Connect connect_;
  const LinkEvents events_;

  // Reactor's thread only.
  bool watching_ = false;
  UniqueFd retry_timer_;
  int64_t retry_delay_ms_;

  mutable Mutex mutex_;
  CondVar changed_;
  Socket socket_ GUARDED_BY(mutex_);                 // null: not connected
  std::thread::id first_sender_ GUARDED_BY(mutex_);  // the only one that may send now; none: all may
  uint32_t next_request_ GUARDED_BY(mutex_) = 1;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::map<uint32_t, OnReply> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit
