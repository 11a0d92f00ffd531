// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The connection of a session (shim/session.h): to the daemon first, then to the shim of the pod.
#pragma once

#include <string>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/frame.h"
#include "base/unique_fd.h"
#include "cli/daemon.h"

namespace davit::cli {

class SessionLink {
 public:
  // Connects and receives the token. A daemon that is being restarted is waited for, as by calls.
  static Result<SessionLink> Open(const Daemon& daemon);

  // For the call of davit.v1.Sessions.
  const std::string& token() const { return token_; }
  // What the daemon sends once the call has succeeded. Waits for it for some seconds.
  Result<Descriptors> TakeStreams();

  // The next frame is readable here.
  int fd() const { return connection_.get(); }
  // A kFailed is returned as its error. kUnavailable: the shim has closed the connection.
  Result<Frame> Receive();

  // For the command's process group.
  void Signal(int signo) const;
  // The command goes on when this object ends.
  void Detach() const;

 private:
  explicit SessionLink(UniqueFd connection) : connection_(std::move(connection)) {}
  static Result<SessionLink> Connect(const std::string& path);
  Result<Frame> Await(const char* what) const;

  UniqueFd connection_;
  std::string token_;
};

}  // namespace davit::cli
