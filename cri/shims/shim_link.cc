// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "base/codec.h"
#include "base/guarded.h"
#include "base/time.h"
#include "shim/failure.h"

namespace davit::cri {
namespace {

constexpr std::chrono::milliseconds kFirstRetry(10);
constexpr std::chrono::milliseconds kLongestRetry(30'000);
constexpr int kFramesPerTurn = 64;  // then other shims have their turn

std::chrono::milliseconds Until(int64_t deadline_ms) {
  return std::chrono::milliseconds(std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds()));
}

// A shim that does not read its socket (stopped, or swapped out) must not hold the caller beyond its
// deadline.
Result<> WaitWritable(int socket, int64_t deadline_ms, const std::string& sandbox_id) {
  pollfd poll_fd{socket, POLLOUT, 0};
  int left = static_cast<int>(std::min<int64_t>(Until(deadline_ms).count(), 1 << 30));
  int ready = TEMP_FAILURE_RETRY(poll(&poll_fd, 1, left));
  if (ready < 0) return SystemError("poll", "shim of " + sandbox_id);
  if (ready == 0)
    return Fail(Code::kDeadlineExceeded, "send to shim", sandbox_id, "it does not read its socket");
  return {};
}

// Counts a thread that waits to send.
class WaitingSender {
 public:
  explicit WaitingSender(std::atomic<size_t>& count) : count_(count), others_(count++) {}
  ~WaitingSender() { --count_; }
  WaitingSender(const WaitingSender&) = delete;
  WaitingSender& operator=(const WaitingSender&) = delete;

  // The number of those that waited already.
  size_t others() const { return others_; }

 private:
  std::atomic<size_t>& count_;
  const size_t others_;
};

UniqueFd MakeTimer() {
  return UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
}

void MakeNonBlocking(const UniqueFd& socket) {
  fcntl(socket.get(), F_SETFL, O_NONBLOCK);
}

}  // namespace

ShimLink::ShimLink(Reactor& reactor, std::string sandbox_id, PidFd shim, Connect connect, LinkEvents events)
    : reactor_(reactor),
      sandbox_id_(std::move(sandbox_id)),
      shim_(std::move(shim)),
      connect_(std::move(connect)),
      events_(std::move(events)),
      retry_timer_(MakeTimer()),
      retry_(kFirstRetry, kLongestRetry) {}

std::shared_ptr<ShimLink> ShimLink::Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                         PidFd shim, Connect connect, LinkEvents events, First first) {
  MakeNonBlocking(socket);
  auto shared = std::make_shared<const UniqueFd>(std::move(socket));
  std::shared_ptr<ShimLink> link(
      new ShimLink(reactor, sandbox_id, std::move(shim), std::move(connect), std::move(events)));
  if (first == First::kNothing) {
    MutexLock lock(link->mutex_);
    link->socket_ = shared;
  }
  reactor.Post([link, shared, first] { link->Turn([&] { link->Begin(shared, first); }); });
  return link;
}

Result<> ShimLink::Ask(shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                       const Patience& patience, OnReply on_reply) {
  Socket socket = TRY(AwaitConnection(patience));
  uint32_t request;
  {
    MutexLock lock(mutex_);
    if (socket_ != socket)
      return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "the connection to it is lost");
    request = next_request_++;
    if (next_request_ == 0) next_request_ = 1;  // 0 is for events
    waiting_[request] = std::move(on_reply);
  }
  Result<> sent = SendOn(*socket, request, type, payload, fds, patience);
  if (sent) return {};
  MutexLock lock(mutex_);
  // Without an entry the connection failed meanwhile, and the callback has the error.
  return waiting_.erase(request) > 0 ? sent : Result<>();
}

Result<> ShimLink::Hand(shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                        const Patience& patience) {
  Socket socket = TRY(AwaitConnection(patience));
  return SendOn(*socket, /*request=*/0, type, payload, fds, patience);
}

Result<Frame> ShimLink::Call(shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
                             int64_t deadline_ms) {
  auto reply = std::make_shared<std::promise<Result<Frame>>>();
  std::future<Result<Frame>> arrived = reply->get_future();
  TRY(Ask(type, payload, fds, Patience{.deadline_ms = deadline_ms},
          [reply](Result<Frame> frame) { reply->set_value(std::move(frame)); }));
  if (arrived.wait_for(Until(deadline_ms)) == std::future_status::ready) return arrived.get();
  return Fail(Code::kDeadlineExceeded, "wait for shim", sandbox_id_, "no answer in time");
}

bool ShimLink::MaySend() const {
  return socket_ != nullptr &&
         (first_sender_ == std::thread::id() || first_sender_ == std::this_thread::get_id());
}

Result<ShimLink::Socket> ShimLink::AwaitConnection(const Patience& patience) {
  MutexLock lock(mutex_);
  if (!MaySend() && !ended_) TRY(WaitToSend(patience));
  if (ended_) return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "the shim is gone");
  if (!MaySend())
    return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "the connection to it is lost");
  return socket_;
}

Result<> ShimLink::WaitToSend(const Patience& patience) {
  WaitingSender sender(waiting_senders_);
  if (sender.others() >= patience.most_waiting) return TooManyWait();
  auto deadline = std::chrono::steady_clock::now() + Until(patience.deadline_ms);
  while (!MaySend() && !ended_ && changed_.WaitUntil(mutex_, deadline)) {
  }
  return {};
}

Result<> ShimLink::SendOn(const UniqueFd& socket, uint32_t request, shim::ShimMessage type,
                          const std::string& payload, std::span<const RoleFd> fds, const Patience& patience) {
  auto send = [&] { return SendFrame(socket.get(), static_cast<uint32_t>(type), request, payload, fds); };
  Result<> sent = send();
  if (sent || sent.error().os_errno != EAGAIN) return sent;
  WaitingSender sender(waiting_senders_);
  if (sender.others() >= patience.most_waiting) return TooManyWait();
  while (!sent && sent.error().os_errno == EAGAIN) {
    TRY(WaitWritable(socket.get(), patience.deadline_ms, sandbox_id_));
    sent = send();
  }
  return sent;
}

std::unexpected<Error> ShimLink::TooManyWait() const {
  return Fail(Code::kUnavailable, "send to shim", sandbox_id_, "too many requests already wait for it");
}

bool ShimLink::alive() const {
  MutexLock lock(mutex_);
  return !ended_;
}

ShimLink::Socket ShimLink::Connection() const {
  MutexLock lock(mutex_);
  return socket_;
}

void ShimLink::Close() {
  reactor_.Await([self = shared_from_this()] { self->End("the connection was closed"); });
}

// If a callback throws, its message is lost; the Hello of a new connection makes up for it.
template <typename Work>
void ShimLink::Turn(Work work) {
  auto self = shared_from_this();  // a callback may drop the last reference
  Result<> done = Guarded("serve the shim of", sandbox_id_, [&]() -> Result<> {
    work();
    return {};
  });
  if (done) return;
  LogException(done.error());
  Reconnect(done.error().ToString());
}

void ShimLink::Begin(const Socket& socket, First first) {
  auto self = shared_from_this();
  watching_ = true;
  auto on_death = [self](uint32_t) { self->Turn([&] { self->OnShimDead(); }); };
  if (!reactor_.loop().Add(shim_.get(), EPOLLIN, on_death)) return End("cannot watch the shim");
  if (!socket->valid()) return ScheduleRetry();
  if (first == First::kMeet) return Adopt(socket);
  if (!Listen(*socket)) Reconnect("cannot watch the connection");
}

bool ShimLink::Listen(const UniqueFd& socket) {
  auto self = shared_from_this();
  auto on_readable = [self](uint32_t) { self->Turn([&] { self->OnReadable(); }); };
  return reactor_.loop().Add(socket.get(), EPOLLIN, on_readable).has_value();
}

void ShimLink::Adopt(const Socket& socket) {
  if (!Listen(*socket)) return ScheduleRetry();
  {
    MutexLock lock(mutex_);
    socket_ = socket;
    first_sender_ = std::this_thread::get_id();
  }
  events_.connected(*this);
  MutexLock lock(mutex_);
  first_sender_ = {};
  changed_.NotifyAll();
}

void ShimLink::OnReadable() {
  Socket socket = Connection();
  for (int i = 0; i < kFramesPerTurn && socket != nullptr && socket == Connection(); ++i) {
    if (!ReceiveOne(socket->get())) return;
  }
}

// False when there is nothing to read for now.
bool ShimLink::ReceiveOne(int socket) {
  DamagedFrame damaged;
  Result<Frame> frame = ReceiveFrame(socket, &damaged);
  if (frame) {
    Dispatch(std::move(*frame));
    return true;
  }
  if (frame.error().os_errno == EAGAIN) return false;
  if (frame.error().code == Code::kDataLoss) {
    OnDamaged(damaged, frame.error());
    return true;
  }
  // The end of the stream is no proof of death; the pidfd is.
  Reconnect(frame.error().ToString());
  return false;
}

void ShimLink::OnDamaged(const DamagedFrame& damaged, const Error& error) {
  if (OnReply on_reply = TakeWaiting(damaged.request_id)) return on_reply(std::unexpected(error));
  Reconnect(error.ToString());
}

void ShimLink::Reconnect(const std::string& reason) {
  if (!watching_) return;
  auto self = shared_from_this();
  DropConnection(reason);
  ScheduleRetry();
}

void ShimLink::Settle() {
  retry_.Reset();
}

void ShimLink::ScheduleRetry() {
  if (!connect_) return;
  if (!WatchRetryTimer()) return;
  itimerspec due{};
  int64_t pause_ms = retry_.Next().count();
  due.it_value.tv_sec = pause_ms / 1000;
  due.it_value.tv_nsec = pause_ms % 1000 * 1'000'000;
  timerfd_settime(retry_timer_.get(), 0, &due, nullptr);
}

bool ShimLink::WatchRetryTimer() {
  if (!retry_timer_) retry_timer_ = MakeTimer();
  if (retry_timer_watched_) return true;
  auto self = shared_from_this();
  auto on_due = [self](uint32_t) { self->Turn([&] { self->OnRetryDue(); }); };
  retry_timer_watched_ = reactor_.loop().Add(retry_timer_.get(), EPOLLIN, on_due).has_value();
  return retry_timer_watched_;
}

void ShimLink::OnRetryDue() {
  uint64_t expirations;
  if (read(retry_timer_.get(), &expirations, sizeof expirations) < 0 || Connection() != nullptr) return;
  Result<UniqueFd> socket = connect_();
  if (!socket) return ScheduleRetry();
  MakeNonBlocking(*socket);
  Adopt(std::make_shared<const UniqueFd>(std::move(*socket)));
}

void ShimLink::OnShimDead() {
  if (Socket socket = Connection()) {
    while (Connection() == socket && ReceiveOne(socket->get())) {  // what it said before it died still counts
    }
  }
  End("the shim died");
  siginfo_t info{};
  waitid(P_PIDFD, static_cast<id_t>(shim_.get()), &info,
         WEXITED | WNOHANG);  // ECHILD after a restart of the daemon
  events_.died();
}

void ShimLink::Dispatch(Frame frame) {
  if (frame.request_id == 0) return events_.event(*this, std::move(frame));
  if (OnReply on_reply = TakeWaiting(frame.request_id)) on_reply(shim::AnswerIn(std::move(frame)));
}

ShimLink::OnReply ShimLink::TakeWaiting(uint32_t request) {
  MutexLock lock(mutex_);
  auto waiting = waiting_.extract(request);
  return waiting.empty() ? nullptr : std::move(waiting.mapped());
}

void ShimLink::DropConnection(const std::string& reason) {
  std::map<uint32_t, OnReply> waiting;
  {
    MutexLock lock(mutex_);
    if (socket_ != nullptr) reactor_.loop().Remove(socket_->get());
    socket_ = nullptr;
    first_sender_ = {};
    waiting.swap(waiting_);
  }
  for (auto& [id, on_reply] : waiting)
    RunGuarded("shim link",
               [&] { on_reply(Fail(Code::kUnavailable, "wait for shim", sandbox_id_, reason)); });
}

void ShimLink::End(const std::string& reason) {
  auto self = shared_from_this();
  {
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  if (std::exchange(watching_, false)) reactor_.loop().Remove(shim_.get());
  if (std::exchange(retry_timer_watched_, false)) reactor_.loop().Remove(retry_timer_.get());
  retry_timer_.Reset();
  DropConnection(reason);
}

}  // namespace davit::cri
