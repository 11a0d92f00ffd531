// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <future>

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

std::shared_ptr<ShimLink> ShimLink::Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                         PidFd shim, LinkEvents events) {
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  std::shared_ptr<ShimLink> link(
      new ShimLink(reactor, sandbox_id, std::move(socket), std::move(shim), std::move(events)));
  reactor.Post([link] { link->Watch(); });
  return link;
}

Result<> ShimLink::Ask(ShimMessage type, const std::string& payload, std::span<const int> fds,
                       int64_t deadline_ms, OnReply on_reply) {
  uint32_t request;
  {
    MutexLock lock(mutex_);
    if (closed_) return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "the shim is gone");
    request = next_request_++;
    waiting_[request] = std::move(on_reply);
  }
  Result<> sent = SendFrom(request, type, payload, fds, deadline_ms);
  if (sent) return {};
  MutexLock lock(mutex_);
  // Without an entry the connection failed meanwhile, and the callback has the error.
  return waiting_.erase(request) > 0 ? sent : Result<>();
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
  auto reply = std::make_shared<std::promise<Result<Frame>>>();
  std::future<Result<Frame>> arrived = reply->get_future();
  TRY(Ask(type, payload, fds, deadline_ms,
          [reply](Result<Frame> frame) { reply->set_value(std::move(frame)); }));
  auto left = std::chrono::milliseconds(std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds()));
  if (arrived.wait_for(left) == std::future_status::ready) return arrived.get();
  return Fail(Code::kDeadlineExceeded, "wait for shim", sandbox_id_, "no answer in time");
}

bool ShimLink::alive() const {
  MutexLock lock(mutex_);
  return !closed_;
}

void ShimLink::Close() {
  reactor_.Await([self = shared_from_this()] {
    self->StopReading();
    self->FailPending("the connection was closed");
  });
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
  events_.died();
}

void ShimLink::Dispatch(Frame frame) {
  if (frame.request_id == 0) return events_.event(std::move(frame));
  OnReply on_reply;
  {
    MutexLock lock(mutex_);
    auto waiting = waiting_.extract(frame.request_id);
    if (waiting.empty()) return;
    on_reply = std::move(waiting.mapped());
  }
  on_reply(AnswerIn(std::move(frame)));
}

void ShimLink::FailPending(const std::string& reason) {
  std::map<uint32_t, OnReply> waiting;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    waiting.swap(waiting_);
  }
  for (auto& [id, on_reply] : waiting)
    on_reply(Fail(Code::kUnavailable, "wait for shim", sandbox_id_, reason));
}

void ShimLink::StopReading() {
  if (!reading_) return;
  reading_ = false;
  reactor_.loop().Remove(socket_.get());
  reactor_.loop().Remove(shim_.get());
}

}  // namespace davit
