// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The client's ends of the streams of a command or a container (shim/session.h).
#pragma once

#include "base/descriptors.h"
#include "base/error.h"
#include "cri/runtime/stream_pipe.h"
#include "cri/shims/shim.h"

namespace davit::cri {

class ClientStreams {
 public:
  void Add(shim::FdRole role, UniqueFd fd) { fds_.Add(role, std::move(fd)); }
  void AddInput(AttachedInput input);

  // Sends kStreams. A client that has left is an error.
  Result<> SendTo(int connection) const;

 private:
  Descriptors fds_;
};

// Adds to `frame` what a container writes its output to for an attached client, and returns the client's
// ends.
Result<ClientStreams> AddAttachment(StartFrame& frame);

}  // namespace davit::cri
