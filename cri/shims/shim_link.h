// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's side of the connections to one shim (shim/protocol.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "base/backoff.h"
#include "base/frame.h"
#include "base/pid_fd.h"
#include "base/reactor.h"
#include "base/thread_annotations.h"
#include "shim/protocol.h"

namespace davit::cri {

class ShimLink;

// Events that are not answers to requests. Called on the reactor's thread, so a callback must not wait for
// the shim. If a callback throws, the link makes a new connection, as if it had not read that frame.
struct LinkEvents {
  std::function<void(ShimLink&, Frame)> event;  // a frame that is not a reply
  // There is a new connection; earlier events may have been lost. Requests that this callback sends are the
  // first on the connection; requests of other threads follow.
  std::function<void(ShimLink&)> connected;
  std::function<void()> died;  // the process has ended and is reaped; no event follows
};

// A shim's process and the connection to it. While the process is alive, a lost connection is replaced by a
// new one, with growing delays. A frame that cannot be read fails the request that it answers; if that
// request is not known, the link makes a new connection, on which the lost information is requested again.
// Thread-safe. It is owned by shared_ptr: callbacks on the reactor keep it alive while they run.
class ShimLink : public std::enable_shared_from_this<ShimLink> {
 public:
  // A kFailed reply arrives as the Error that it contains. A dead shim and a lost connection are
  // kUnavailable.
  using OnReply = std::function<void(Result<Frame>)>;
  // Must not block. Called on the reactor's thread.
  using Connect = std::function<Result<UniqueFd>()>;

  // Whether `connected` is called for the first connection, too. It is always called for later ones.
  enum class First { kNothing, kMeet };

  // Takes a connected socket and the shim's process, and begins to read. `connect` makes later connections.
  // With kMeet the socket may be empty: the first connection is then made as later ones are.
  static std::shared_ptr<ShimLink> Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                        PidFd shim, Connect connect, LinkEvents events, First first);

  // How long a sender waits while there is no connection, or no room in its buffer.
  struct Patience {
    int64_t deadline_ms;  // MonotonicMilliseconds
    // A sender does not wait if so many others already do. For threads that serve all pods: a shim that hangs
    // then occupies only a few of them.
    size_t most_waiting = std::numeric_limits<size_t>::max();
  };

  // Sends one request. `on_reply` is called once, on the reactor's thread, unless Ask returns an error.
  // Blocks until there is a connection and room in its buffer, within `patience`. Then kUnavailable if there
  // is no connection or too many others wait, and kDeadlineExceeded if there is no room at the deadline.
  Result<> Ask(shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
               const Patience& patience, OnReply on_reply) EXCLUDES(mutex_);
  // The same, but blocks until the answer arrives. kDeadlineExceeded if there is none at `deadline_ms`.
  Result<Frame> Call(shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                     int64_t deadline_ms);
  // Sends a request that contains a socket for its answer. Blocks like Ask.
  Result<> Hand(shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                const Patience& patience) EXCLUDES(mutex_);

  // Fails the pending requests of this connection with kUnavailable and makes a new one. The delay doubles
  // with each call, from 10 ms to 30 s, until Settle. Reactor's thread only.
  void Reconnect(const std::string& reason) EXCLUDES(mutex_);
  // The shim is understood on this connection: resets the delay of Reconnect. Reactor's thread only.
  void Settle();

  // False after the process has ended or the link was closed.
  bool alive() const EXCLUDES(mutex_);
  const PidFd& process() const { return shim_; }

  // Stops reading; the shim keeps running. No event follows after it has returned. Must not be called on the
  // reactor's thread.
  void Close();

 private:
  using Socket = std::shared_ptr<const UniqueFd>;  // open as long as a sender uses it

  ShimLink(Reactor& reactor, std::string sandbox_id, PidFd shim, Connect connect, LinkEvents events);

  bool MaySend() const REQUIRES(mutex_);
  Result<Socket> AwaitConnection(const Patience& patience) EXCLUDES(mutex_);
  Result<> WaitToSend(const Patience& patience) REQUIRES(mutex_);
  Result<> SendOn(const UniqueFd& socket, uint32_t request, shim::ShimMessage type,
                  const std::string& payload, std::span<const RoleFd> fds, const Patience& patience);
  std::unexpected<Error> TooManyWait() const;
  Socket Connection() const EXCLUDES(mutex_);

  // All methods below run on the reactor's thread.
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
  bool WatchRetryTimer();
  void End(const std::string& reason) EXCLUDES(mutex_);

  Reactor& reactor_;
  const std::string sandbox_id_;
  const PidFd shim_;
  const Connect connect_;
  const LinkEvents events_;

  // Reactor's thread only.
  bool watching_ = false;
  UniqueFd retry_timer_;  // made in advance: a connection is often lost because descriptors have run out
  bool retry_timer_watched_ = false;
  Backoff retry_;

  std::atomic<size_t> waiting_senders_ = 0;  // threads that wait for a connection, or for room in its buffer

  mutable Mutex mutex_;
  CondVar changed_;
  Socket socket_ GUARDED_BY(mutex_);                 // null: not connected
  std::thread::id first_sender_ GUARDED_BY(mutex_);  // the only one that may send now; none: all may
  uint32_t next_request_ GUARDED_BY(mutex_) = 1;
  bool ended_ GUARDED_BY(mutex_) = false;
  std::map<uint32_t, OnReply> waiting_ GUARDED_BY(mutex_);
};

}  // namespace davit::cri
