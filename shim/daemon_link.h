// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The connection to the daemon, whichever daemon that is at the time.
#pragma once

#include <deque>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/frame.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "shim/protocol.h"

namespace davit {

// Where an answer goes. Stays valid for ever: an answer to a connection that is gone is dropped.
struct Asker {
  uint64_t connection = 0;
  uint32_t request_id = 0;
};

// One connection at a time; a new one from the listening socket replaces it. Never waits for the daemon to
// read: what the socket does not take is queued, and a daemon that lets the queue grow is hung up on (it
// reconnects and asks anew). One frame that cannot be read or sent never ends the connection: the request
// that it belongs to fails.
class DaemonLink {
 public:
  using OnRequest = std::function<void(Frame request, Asker asker)>;

  // Both sockets become non-blocking. The loop and the log outlive the link.
  DaemonLink(EventLoop& loop, const Logger& log, UniqueFd listener, OnRequest on_request);
  ~DaemonLink();
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;

  // Starts to listen, with `first` as the connection to begin with.
  Result<> Open(UniqueFd first);

  void Send(Asker asker, ShimMessage type, std::string payload, std::span<const RoleFd> fds = {});
  void SendFailure(Asker asker, const Error& error);
  // To the daemon that is connected now. Returns false when there is none; one that is may still go before it
  // reads the event.
  bool SendEvent(ShimMessage type, std::string payload);

  bool connected() const { return connection_.valid(); }
  // Everything said was taken by the socket.
  bool idle() const { return queue_.empty(); }

 private:
  struct Outgoing {
    ShimMessage type;
    uint32_t request_id;
    std::string payload;
    Descriptors fds;
  };

  void OnConnect();
  Result<> Adopt(UniqueFd connection);
  void OnReady(uint32_t events);
  void Receive();
  // False: it is none that is waited for.
  static bool BecomeFailure(Outgoing& outgoing, const Error& error);
  void OnDamaged(const DamagedFrame& damaged, const Error& error);
  void Flush();
  // An error is the frame's; the connection's own are dealt with here.
  Result<> Deliver(ShimMessage type, uint32_t request_id, std::string payload, std::span<const RoleFd> fds);
  Result<> Queue(ShimMessage type, uint32_t request_id, std::string payload, std::span<const RoleFd> fds);
  void HangUp();

  EventLoop& loop_;
  const Logger& log_;
  UniqueFd listener_;
  OnRequest on_request_;
  UniqueFd connection_;
  uint64_t connection_number_ = 0;
  std::deque<Outgoing> queue_;
};

}  // namespace davit
