// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Connections to the session socket that wait for a call of davit.v1.Sessions to use them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/acceptor.h"
#include "base/error.h"
#include "base/reactor.h"
#include "base/unique_fd.h"

namespace davit::cri {

// Why the token comes from the connection and not from a call: gRPC does not say whose a call is, but the
// kernel says whose a connection is, and descriptors are sent on that connection alone. Who steals a token
// can only waste it.
//
// Created and destroyed on any thread but the reactor's; Take is thread-safe.
class SessionTable {
 public:
  static constexpr size_t kMostWaiting = 64;
  static constexpr size_t kMostOfOneUser = 32;
  static constexpr std::chrono::milliseconds kLifetime{10'000};

  // Accepts connections of `listener`, non-blocking and of type SEQPACKET, for whose client `may_use` is
  // true. All others are closed at once, as are those beyond the limits. An accepted one receives kToken
  // (shim/session.h); it is closed after `lifetime`, or when its client has closed it. The reactor must
  // outlive the object.
  static Result<std::unique_ptr<SessionTable>> Start(Reactor& reactor, UniqueFd listener,
                                                     std::function<bool(int connection)> may_use,
                                                     std::chrono::milliseconds lifetime = kLifetime);
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Returns the connection that has this token, once. kNotFound if there is none.
  Result<UniqueFd> Take(const std::string& token);

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    UniqueFd connection;
    uid_t user = 0;
    Clock::time_point until;
  };

  SessionTable(Reactor& reactor, std::function<bool(int)> may_use, std::chrono::milliseconds lifetime,
               UniqueFd timer)
      : reactor_(reactor), may_use_(std::move(may_use)), lifetime_(lifetime), timer_(std::move(timer)) {}

  // On the reactor's thread, as is all that follows.
  Result<> Open(UniqueFd listener);
  void Accept(UniqueFd connection);
  bool HasRoomFor(uid_t user) const;
  void Forget(const std::string& token);
  void Expire();
  void SetTimer();

  Reactor& reactor_;
  const std::function<bool(int)> may_use_;
  const std::chrono::milliseconds lifetime_;
  const UniqueFd timer_;
  std::unique_ptr<Acceptor> acceptor_;
  std::map<std::string, Waiting> waiting_;  // by token
};

// The session socket's path for the daemon's socket at `path`.
std::string SessionSocketPath(const std::string& path);

// Creates the session socket, with the owner, group and mode of the daemon's socket at `path`, in place of an
// earlier one: the caller is the only daemon that serves at `path`.
Result<UniqueFd> OpenSessionSocket(const std::string& path);

}  // namespace davit::cri
