// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/outcome_socket.h"

#include <sys/epoll.h>

#include <vector>

#include "base/error_message.h"
#include "base/frame.h"

namespace davit::shim {
namespace {

// At most two frames go this way, so it never has to wait for room.
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

Result<> OutcomeSocket::Converse(std::function<void(const Frame&)> on_message,
                                 std::function<void()> on_hang_up) {
  return loop_.Add(socket_.get(), EPOLLIN,
                   [this, on_message = std::move(on_message), on_hang_up = std::move(on_hang_up)](uint32_t) {
                     if (Hear(on_message)) return;
                     loop_.Remove(socket_.get());
                     on_hang_up();
                   });
}

// One frame for each turn of the loop: a client that sends many holds nothing else up.
bool OutcomeSocket::Hear(const std::function<void(const Frame&)>& on_message) const {
  Result<Frame> frame = ReceivePlainFrame(socket_.get());
  if (frame) on_message(*frame);
  return frame || frame.error().code == Code::kDataLoss || frame.error().os_errno == EAGAIN;
}

void OutcomeSocket::Started(const ExecStarted& started, int terminal) const {
  std::vector<RoleFd> fds;
  if (terminal >= 0) fds.emplace_back(FdRole::kTerminal, terminal);
  (void)SendFrame(socket_.get(), static_cast<uint32_t>(ShimMessage::kExecStarted), 0, Encode(started), fds);
}

void OutcomeSocket::Failed(const Error& error) const {
  Tell(socket_.get(), ShimMessage::kFailed, Encode(ToMessage(error)));
}

void OutcomeSocket::Ended(const ExecExited& exit) const {
  Tell(socket_.get(), ShimMessage::kExecExited, Encode(exit));
}

}  // namespace davit::shim
