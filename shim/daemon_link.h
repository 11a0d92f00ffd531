// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The connection to the daemon. It is replaced when a restarted daemon connects.
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

namespace davit::shim {

// Identifies the connection and the request that an answer is for. Stays valid: an answer for a closed
// connection is dropped.
struct Asker {
  uint64_t connection = 0;
  uint32_t request_id = 0;
};

// Has one connection at a time; a new one from the listening socket replaces it. Never blocks on the daemon:
// frames that the socket does not take are queued, and if the queue grows too long, the connection is closed
// (the daemon reconnects and asks again). A frame that cannot be read or sent never ends the connection: only
// the request that it belongs to fails.
class DaemonLink {
 public:
  using OnRequest = std::function<void(Frame request, Asker asker)>;

  // All sockets are made non-blocking. The loop and the log must outlive the link.
  DaemonLink(EventLoop& loop, const Logger& log, UniqueFd listener, OnRequest on_request);
  ~DaemonLink();
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;

  // Starts to listen. `first` is the initial connection.
  Result<> Open(UniqueFd first);

  void Send(Asker asker, ShimMessage type, std::string payload, std::span<const RoleFd> fds = {});
  void SendFailure(Asker asker, const Error& error);
  // Sends an event to the connected daemon. Returns false if none is connected or the event cannot be sent.
  // True does not mean that the daemon has read the event.
  bool SendEvent(ShimMessage type, std::string payload);

  bool connected() const { return connection_.valid(); }
  // Whether the socket has taken every frame.
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
  // Turns an answer into a kFailed. Returns false for an event or a kFailed, which cannot be turned into one.
  static bool BecomeFailure(Outgoing& outgoing, const Error& error);
  void OnDamaged(const DamagedFrame& damaged, const Error& error);
  void Flush();
  // Returns errors of the frame only. After an error of the connection, closes the connection.
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

}  // namespace davit::shim
