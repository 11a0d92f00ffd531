// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/daemon_link.h"

#include <fcntl.h>
#include <sys/socket.h>

namespace davit {
namespace {

constexpr size_t kMaxQueued = 256;
constexpr int kFramesPerTurn = 16;  // then logs and exits have their turn

Result<> MakeNonBlocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return SystemError("fcntl(O_NONBLOCK)", "socket");
  return {};
}

bool IsRoot(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

bool WouldBlock(const Error& error) {
  return error.os_errno == EAGAIN;
}

}  // namespace

DaemonLink::DaemonLink(EventLoop& loop, const Logger& log, UniqueFd listener, OnRequest on_request)
    : loop_(loop), log_(log), listener_(std::move(listener)), on_request_(std::move(on_request)) {}

DaemonLink::~DaemonLink() {
  HangUp();
  loop_.Remove(listener_.get());
}

Result<> DaemonLink::Open(UniqueFd first) {
  TRY(MakeNonBlocking(listener_.get()));
  TRY(loop_.Add(listener_.get(), EPOLLIN, [this](uint32_t) { OnConnect(); }));
  return Adopt(std::move(first));
}

Result<> DaemonLink::Adopt(UniqueFd connection) {
  TRY(MakeNonBlocking(connection.get()));
  HangUp();
  TRY(loop_.Add(connection.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); }));
  connection_ = std::move(connection);
  ++connection_number_;
  return {};
}

void DaemonLink::OnConnect() {
  UniqueFd peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer) return;
  if (!IsRoot(peer.get())) return log_.Log(LogLevel::kWarning, "refused a connection that is not root's");
  Result<> adopted = Adopt(std::move(peer));
  if (!adopted)
    log_.Log(LogLevel::kError, "cannot take a connection", {{"error", adopted.error().ToString()}});
}

void DaemonLink::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) Flush();
  if (connection_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Receive();
}

void DaemonLink::Receive() {
  uint64_t current = connection_number_;
  for (int i = 0; i < kFramesPerTurn && connection_ && connection_number_ == current; ++i) {
    Result<Frame> frame = ReceiveFrame(connection_.get());
    if (!frame) {
      if (WouldBlock(frame.error())) return;
      // A daemon that went away is nothing to speak of; one that speaks in tongues is.
      if (frame.error().os_errno != 0 || frame.error().code != Code::kUnavailable) {
        log_.Log(LogLevel::kWarning, "lost the daemon", {{"error", frame.error().ToString()}});
      }
      return HangUp();
    }
    uint32_t request_id = frame->request_id;
    on_request_(std::move(*frame), {current, request_id});
  }
}

void DaemonLink::Send(Asker asker, ShimMessage type, std::string_view payload, std::span<const int> fds) {
  if (asker.connection == connection_number_) Queue(type, asker.request_id, payload, fds);
}

bool DaemonLink::SendEvent(ShimMessage type, std::string_view payload) {
  Queue(type, 0, payload, {});
  return connected();
}

void DaemonLink::Queue(ShimMessage type, uint32_t request_id, std::string_view payload,
                       std::span<const int> fds) {
  if (!connection_) return;
  if (queue_.empty()) {
    Result<> sent = SendFrame(connection_.get(), kShimProtocolVersion, static_cast<uint16_t>(type),
                              request_id, payload, fds);
    if (sent) return;
    if (!WouldBlock(sent.error()) || !loop_.Modify(connection_.get(), EPOLLIN | EPOLLOUT)) return HangUp();
  }
  if (queue_.size() >= kMaxQueued) {
    log_.Log(LogLevel::kWarning, "the daemon does not read: hanging up");
    return HangUp();
  }
  Outgoing outgoing{type, request_id, std::string(payload), {}};
  for (int fd : fds) outgoing.fds.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  queue_.push_back(std::move(outgoing));
}

void DaemonLink::Flush() {
  while (!queue_.empty()) {
    const Outgoing& next = queue_.front();
    std::vector<int> fds;
    for (const UniqueFd& fd : next.fds) fds.push_back(fd.get());
    Result<> sent = SendFrame(connection_.get(), kShimProtocolVersion, static_cast<uint16_t>(next.type),
                              next.request_id, next.payload, fds);
    if (!sent) {
      if (!WouldBlock(sent.error())) HangUp();
      return;
    }
    queue_.pop_front();
  }
  if (!loop_.Modify(connection_.get(), EPOLLIN)) HangUp();
}

void DaemonLink::HangUp() {
  if (!connection_) return;
  loop_.Remove(connection_.get());
  connection_.Reset();
  queue_.clear();
}

}  // namespace davit
