// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "base/codec.h"
#include "base/time.h"
#include "shim/failure.h"

namespace davit {
namespace {

// A shim that does not read its socket (stopped, or swapped out) must not hold the caller beyond its
// deadline.
Result<> WaitWritable(int socket, int64_t deadline_ms, const std::string& sandbox_id) {
  pollfd poll_fd{socket, POLLOUT, 0};
  int64_t left = std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds());
  int ready = TEMP_FAILURE_RETRY(poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30))));
  if (ready < 0) return SystemError("poll", "shim of " + sandbox_id);
  if (ready == 0)
    return Fail(Code::kDeadlineExceeded, "send to shim", sandbox_id, "it does not read its socket");
  return {};
}

}  // namespace

Result<ExecExited> ReceiveExecOutcome(int socket, const std::string& container_id) {
  Result<Frame> frame = ReceiveFrame(socket);
  if (!frame && frame.error().code == Code::kUnavailable)
    return Fail(Code::kUnavailable, "exec in container", container_id, "the shim is gone");
  if (!frame) return std::unexpected(std::move(frame).error());
  Frame outcome = TRY(AnswerIn(std::move(*frame)));
  return Decode<ExecExited>(outcome.payload, "ExecExited");
}

Result<Frame> PendingReply::Wait(int64_t deadline_ms) {
  int64_t left = std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds());
  if (reply_.wait_for(std::chrono::milliseconds(left)) != std::future_status::ready) {
    return Fail(Code::kDeadlineExceeded, "wait for shim", name_, "no answer in time");
  }
  return reply_.get();
}

std::shared_ptr<ShimLink> ShimLink::Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                         PidFd shim, ShimEvents events) {
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  std::shared_ptr<ShimLink> link(
      new ShimLink(reactor, sandbox_id, std::move(socket), std::move(shim), std::move(events)));
  reactor.Post([link] { link->Watch(); });
  return link;
}

Result<PendingReply> ShimLink::Send(ShimMessage type, const std::string& payload, std::span<const int> fds,
                                    int64_t deadline_ms) {
  PendingReply pending;
  pending.name_ = sandbox_id_;
  uint32_t request;
  {
    MutexLock lock(mutex_);
    if (closed_) return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "the shim is gone");
    request = next_request_++;
    pending.reply_ = waiting_[request].get_future();
  }
  Result<> sent = SendFrom(request, type, payload, fds, deadline_ms);
  if (sent) return pending;
  MutexLock lock(mutex_);
  waiting_.erase(request);
  return std::unexpected(std::move(sent).error());
}

Result<> ShimLink::Hand(ShimMessage type, const std::string& payload, std::span<const int> fds,
                        int64_t deadline_ms) {
  if (!alive()) return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "the shim is gone");
  return SendFrom(0, type, payload, fds, deadline_ms);
}

Result<> ShimLink::SendFrom(uint32_t request, ShimMessage type, const std::string& payload,
                            std::span<const int> fds, int64_t deadline_ms) {
  while (true) {
    auto sent =
        SendFrame(socket_.get(), kShimProtocolVersion, static_cast<uint16_t>(type), request, payload, fds);
    if (sent || sent.error().os_errno != EAGAIN) return sent;
    TRY(WaitWritable(socket_.get(), deadline_ms, sandbox_id_));
  }
}

Result<Frame> ShimLink::Call(ShimMessage type, const std::string& payload, std::span<const int> fds,
                             int64_t deadline_ms) {
  PendingReply pending = TRY(Send(type, payload, fds, deadline_ms));
  return pending.Wait(deadline_ms);
}

bool ShimLink::alive() const {
  MutexLock lock(mutex_);
  return !closed_;
}

std::future<void> ShimLink::Close() {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> future = done->get_future();
  reactor_.Post([self = shared_from_this(), done] {
    self->StopReading();
    self->FailPending("the connection was closed");
    done->set_value();
  });
  return future;
}

void ShimLink::Watch() {
  auto self = shared_from_this();
  bool watched = reactor_.loop().Add(socket_.get(), EPOLLIN, [self](uint32_t) { self->OnReadable(); }) &&
                 reactor_.loop().Add(shim_.get(), EPOLLIN, [self](uint32_t) { self->OnShimDead(); });
  reading_ = true;
  if (!watched) {
    StopReading();
    FailPending("cannot watch the shim");
  }
}

void ShimLink::OnReadable() {
  auto self = shared_from_this();  // a callback may drop the last reference
  while (reading_) {
    Result<Frame> frame = ReceiveFrame(socket_.get());
    if (frame) {
      Dispatch(std::move(*frame));
      continue;
    }
    if (frame.error().os_errno == EAGAIN) return;
    // The end of the stream alone is no proof of death; the pidfd is. Malformed frames end the conversation
    // as well.
    reactor_.loop().Remove(socket_.get());
    FailPending(frame.error().ToString());
    return;
  }
}

void ShimLink::OnShimDead() {
  auto self = shared_from_this();
  OnReadable();  // what it said before it died still counts
  StopReading();
  FailPending("the shim died");
  siginfo_t info{};
  waitid(P_PIDFD, static_cast<id_t>(shim_.get()), &info,
         WEXITED | WNOHANG);  // ECHILD after a restart of the daemon
  events_.shim_died();
}

void ShimLink::Dispatch(Frame frame) {
  switch (static_cast<ShimMessage>(frame.type)) {
    case ShimMessage::kContainerExited:
      if (auto exited = Decode<ContainerExited>(frame.payload, "ContainerExited"))
        events_.container_exited(*exited);
      return;
    case ShimMessage::kExecExited:
      if (auto exited = Decode<ExecExited>(frame.payload, "ExecExited")) events_.exec_exited(*exited);
      return;
    default:
      Answer(std::move(frame));
  }
}

void ShimLink::Answer(Frame frame) {
  std::promise<Result<Frame>> promise;
  {
    MutexLock lock(mutex_);
    auto it = waiting_.find(frame.request_id);
    if (it == waiting_.end()) return;
    promise = std::move(it->second);
    waiting_.erase(it);
  }
  promise.set_value(AnswerIn(std::move(frame)));
}

void ShimLink::FailPending(const std::string& reason) {
  std::map<uint32_t, std::promise<Result<Frame>>> waiting;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    waiting.swap(waiting_);
  }
  for (auto& [id, promise] : waiting) {
    promise.set_value(Fail(Code::kUnavailable, "wait for shim", sandbox_id_, reason));
  }
}

void ShimLink::StopReading() {
  if (!reading_) return;
  reading_ = false;
  reactor_.loop().Remove(socket_.get());
  reactor_.loop().Remove(shim_.get());
}

}  // namespace davit
