// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/daemon_link.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/duplicate.h"
#include "base/error_message.h"

namespace davit::shim {
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
    DamagedFrame damaged;
    Result<Frame> frame = ReceiveFrame(connection_.get(), &damaged);
    if (frame) {
      uint32_t request_id = frame->request_id;
      on_request_(std::move(*frame), {current, request_id});
      continue;
    }
    if (WouldBlock(frame.error())) return;
    if (frame.error().code == Code::kDataLoss) {
      OnDamaged(damaged, frame.error());
      continue;
    }
    // A daemon that ends is no news; a broken connection is.
    if (frame.error().os_errno != 0)
      log_.Log(LogLevel::kWarning, "lost the daemon", {{"error", frame.error().ToString()}});
    return HangUp();
  }
}

void DaemonLink::OnDamaged(const DamagedFrame& damaged, const Error& error) {
  log_.Log(LogLevel::kWarning, "cannot read a frame of the daemon's",
           {{"type", std::to_string(damaged.type)}, {"error", error.ToString()}});
  if (damaged.request_id != 0) SendFailure({connection_number_, damaged.request_id}, error);
}

void DaemonLink::Send(Asker asker, ShimMessage type, std::string payload, std::span<const RoleFd> fds) {
  if (asker.connection != connection_number_ || !connection_) return;
  Result<> sent = Deliver(type, asker.request_id, std::move(payload), fds);
  if (!sent) SendFailure(asker, Within("answer", std::move(sent).error()));
}

void DaemonLink::SendFailure(Asker asker, const Error& error) {
  if (asker.connection != connection_number_ || !connection_) return;
  Result<> sent = Deliver(ShimMessage::kFailed, asker.request_id, Encode(ToMessage(error)), {});
  if (!sent) log_.Log(LogLevel::kError, "cannot answer the daemon", {{"error", sent.error().ToString()}});
}

bool DaemonLink::SendEvent(ShimMessage type, std::string payload) {
  if (!connection_) return false;
  Result<> sent = Deliver(type, 0, std::move(payload), {});
  if (!sent) log_.Log(LogLevel::kError, "cannot tell the daemon", {{"error", sent.error().ToString()}});
  return sent.has_value() && connected();
}

Result<> DaemonLink::Deliver(ShimMessage type, uint32_t request_id, std::string payload,
                             std::span<const RoleFd> fds) {
  if (!queue_.empty()) return Queue(type, request_id, std::move(payload), fds);
  Result<> sent = SendFrame(connection_.get(), static_cast<uint32_t>(type), request_id, payload, fds);
  if (sent) return {};
  if (WouldBlock(sent.error())) {
    if (loop_.Modify(connection_.get(), EPOLLIN | EPOLLOUT))
      return Queue(type, request_id, std::move(payload), fds);
  } else if (!IsPeerGone(sent.error())) {
    return sent;
  }
  HangUp();
  return {};
}

Result<> DaemonLink::Queue(ShimMessage type, uint32_t request_id, std::string payload,
                           std::span<const RoleFd> fds) {
  if (queue_.size() >= kMaxQueued) {
    log_.Log(LogLevel::kWarning, "the daemon does not read: hanging up");
    HangUp();
    return {};
  }
  Outgoing outgoing{type, request_id, std::move(payload), {}};
  TRY(MovePayload(outgoing.payload, outgoing.fds));
  for (const RoleFd& fd : fds) outgoing.fds.Add(fd.role, TRY(Duplicate(fd.fd, "descriptor of an answer")));
  queue_.push_back(std::move(outgoing));
  return {};
}

bool DaemonLink::BecomeFailure(Outgoing& outgoing, const Error& error) {
  if (outgoing.request_id == 0 || outgoing.type == ShimMessage::kFailed) return false;
  outgoing = {ShimMessage::kFailed, outgoing.request_id, Encode(ToMessage(Within("answer", error))), {}};
  return true;
}

void DaemonLink::Flush() {
  while (!queue_.empty()) {
    const Outgoing& next = queue_.front();
    Result<> sent = SendFrame(connection_.get(), static_cast<uint32_t>(next.type), next.request_id,
                              next.payload, next.fds.Borrow());
    if (!sent && WouldBlock(sent.error())) return;
    if (!sent && IsPeerGone(sent.error())) return HangUp();
    if (!sent) {
      log_.Log(LogLevel::kError, "cannot answer the daemon", {{"error", sent.error().ToString()}});
      if (BecomeFailure(queue_.front(), sent.error())) continue;
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

}  // namespace davit::shim
