// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/pumps.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace davit::streaming {

void OutputPump::Start(UniqueFd fd, ChannelId channel, Use use) {
  started_ = true;
  fd_ = std::move(fd);
  channel_ = channel;
  use_ = use;
  struct stat st{};
  is_pipe_ = fd_ && fstat(fd_.get(), &st) == 0 && S_ISFIFO(st.st_mode);
  if (fd_)
    Watch();
  else
    EndNow();
}

void OutputPump::OnReadable() {
  constexpr int kTurns = 8;  // then it is somebody else's
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!link_.has_room()) return Unwatch();
    if (SendPipe()) {
      if (rest_ == 0) return EndNow();
      continue;
    }
    size_t limit = rest_ < 0 ? scratch_.size() : std::min(scratch_.size(), static_cast<size_t>(rest_));
    ssize_t n = TEMP_FAILURE_RETRY(read(fd_.get(), scratch_.data(), limit));
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return EndNow();  // a terminal whose other end is closed says EIO
    if (rest_ > 0) rest_ -= n;
    if (use_ == Use::kSend) link_.Send(channel_, {scratch_.data(), static_cast<size_t>(n)});
    if (rest_ == 0) return EndNow();
  }
}

// What makes several pages goes on without a copy, where the link can do that.
bool OutputPump::SendPipe() {
  constexpr int kWorthIt = 16 << 10;
  int available = 0;
  if (!is_pipe_ || use_ != Use::kSend) return false;
  if (ioctl(fd_.get(), FIONREAD, &available) < 0 || available < kWorthIt) return false;
  auto bytes = static_cast<size_t>(rest_ < 0 ? available : std::min<int64_t>(available, rest_));
  if (!link_.SendFromPipe(channel_, fd_.get(), bytes)) return false;
  if (rest_ > 0) rest_ -= static_cast<int64_t>(bytes);
  return true;
}

void OutputPump::Resume() {
  if (started_ && !ended_ && !watched_) Watch();
}

void OutputPump::EndAfterRest() {
  if (!started_ || ended_) return;
  int available = 0;
  if (ioctl(fd_.get(), FIONREAD, &available) < 0 || available <= 0) return EndNow();
  rest_ = available;
}

void OutputPump::EndNow() {
  if (std::exchange(ended_, true)) return;
  Unwatch();
  fd_.Reset();
  on_end_();
}

void OutputPump::Watch() {
  watched_ = true;
  if (!loop_.Add(fd_.get(), EPOLLIN, [this](uint32_t) { OnReadable(); })) EndNow();
}

// A pipe without writers is ready for ever: waiting for the client means not to look at it.
void OutputPump::Unwatch() {
  if (std::exchange(watched_, false)) loop_.Remove(fd_.get());
}

void InputPump::Connect(UniqueFd fd) {
  // A descriptor that others share, as the shim does, stays watched when it is closed (epoll(7)).
  Unwatch();
  connected_ = true;
  fd_ = std::move(fd);
  if (!fd_) Drop();
  Flush();
}

void InputPump::Push(std::string_view data) {
  if (ended_ || dropping_) return;
  pending_ += data;
  if (!watched_) Flush();
}

void InputPump::End() {
  if (std::exchange(ended_, true)) return;
  if (!watched_) Flush();
}

void InputPump::Flush() {
  if (!connected_) return;
  bool was_congested = congested();
  size_t written = 0;
  while (written < pending_.size()) {
    ssize_t n = TEMP_FAILURE_RETRY(write(fd_.get(), pending_.data() + written, pending_.size() - written));
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) {  // nobody reads it any more
      Drop();
      break;
    }
    written += static_cast<size_t>(n);
  }
  if (!dropping_) pending_.erase(0, written);
  if (pending_.empty())
    Unwatch();
  else
    Watch();
  if (was_congested && !congested() && !dropping_) on_relief_();
  if (pending_.empty() && ended_) PassEndOn();
}

void InputPump::PassEndOn() {
  if (std::exchange(end_passed_on_, true)) return;
  if (at_end_ == AtEnd::kShutdown)
    shutdown(fd_.get(), SHUT_WR);
  else
    fd_.Reset();
  on_end_();
}

void InputPump::Drop() {
  bool was_congested = congested();
  Unwatch();
  dropping_ = true;
  pending_.clear();
  if (at_end_ == AtEnd::kClose) fd_.Reset();
  if (was_congested) on_relief_();
}

void InputPump::Watch() {
  if (watched_) return;
  watched_ = loop_.Add(fd_.get(), EPOLLOUT, [this](uint32_t) { Flush(); }).has_value();
  if (!watched_) Drop();
}

void InputPump::Unwatch() {
  if (std::exchange(watched_, false)) loop_.Remove(fd_.get());
}

}  // namespace davit::streaming
