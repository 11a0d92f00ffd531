// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/outcome_socket.h"

#include <sys/epoll.h>

#include "base/error_message.h"
#include "base/frame.h"

namespace davit::shim {
namespace {

// The one frame of this socket, so it never has to wait for room.
void Tell(int socket, ShimMessage message, std::string_view payload) {
  (void)SendFrame(socket, static_cast<uint32_t>(message), 0, payload);
}

}  // namespace

Result<> OutcomeSocket::Watch(std::function<void()> on_hang_up) {
  return loop_.Add(socket_.get(), 0, [this, on_hang_up = std::move(on_hang_up)](uint32_t) {
    loop_.Remove(socket_.get());
    on_hang_up();
  });
}

void OutcomeSocket::Failed(const Error& error) const {
  Tell(socket_.get(), ShimMessage::kFailed, Encode(ToMessage(error)));
}

void OutcomeSocket::Ended(const ExecExited& exit) const {
  Tell(socket_.get(), ShimMessage::kExecExited, Encode(exit));
}

}  // namespace davit::shim
