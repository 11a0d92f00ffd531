// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/wire.h"

#include "base/time.h"

namespace davit::streaming {

using Outcome = Transport::Outcome;

Wire::Wire(EventLoop& loop, StreamBuffers& buffers, std::unique_ptr<Transport> transport, Listener& listener)
    : loop_(loop),
      buffers_(buffers),
      transport_(std::move(transport)),
      listener_(listener),
      last_activity_ms_(MonotonicMilliseconds()) {}

Wire::~Wire() {
  if (!lost_) loop_.Remove(transport_->fd());
}

Result<> Wire::Open() {
  events_ = EPOLLIN;
  return loop_.Add(transport_->fd(), events_, [this](uint32_t events) { OnReady(events); });
}

void Wire::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0 && !Flush()) return Lose();
  if ((events & EPOLLIN) != 0 && reads()) return Receive();
  // Nobody reads now who would see the end of the stream.
  if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) Lose();
}

void Wire::Receive() {
  constexpr int kTurns = 4;  // then it is somebody else's
  for (int turn = 0; turn < kTurns && reads() && !lost_; ++turn) {
    Transport::Moved moved = transport_->Read({buffers_.network.get(), StreamBuffers::kBytes});
    if (moved.outcome == Outcome::kEnded) return Lose();
    if (moved.outcome == Outcome::kWouldBlock) return;
    if (finishing_) continue;  // too late
    last_activity_ms_ = MonotonicMilliseconds();
    listener_.OnBytes({buffers_.network.get(), moved.bytes});
  }
}

void Wire::Write(std::string_view head, std::string_view body) {
  if (lost_ || finishing_) return;
  while (pending_.empty() && !(head.empty() && body.empty())) {
    Transport::Moved moved = transport_->Write(head, body);
    if (moved.outcome != Outcome::kMoved) break;  // that it ended is seen by the next read
    last_activity_ms_ = MonotonicMilliseconds();
    size_t of_head = std::min(moved.bytes, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(moved.bytes - of_head);
  }
  pending_.erase(0, std::exchange(written_, 0));
  pending_.append(head).append(body);
  UpdateEvents();
}

bool Wire::WriteFromPipe(std::string_view head, int pipe, size_t bytes) {
  if (lost_ || finishing_ || !has_room() || !transport_->can_splice()) return false;
  Transport::Moved moved = transport_->Splice(head, pipe, bytes);
  if (moved.bytes > 0) last_activity_ms_ = MonotonicMilliseconds();
  size_t of_head = std::min(moved.bytes, head.size());
  pending_ = head.substr(of_head);
  KeepFromPipe(pipe, bytes - (moved.bytes - of_head));
  UpdateEvents();
  return true;
}

// The frame has begun, and the pipe may be closed before the socket takes more.
void Wire::KeepFromPipe(int pipe, size_t bytes) {
  size_t have = pending_.size();
  pending_.resize(have + bytes);
  while (have < pending_.size()) {
    ssize_t n = TEMP_FAILURE_RETRY(read(pipe, pending_.data() + have, pending_.size() - have));
    // The process itself may read its own output (/proc/self/fd); the frame cannot be completed then.
    if (n <= 0) return transport_->Abort();
    have += static_cast<size_t>(n);
  }
}

bool Wire::Flush() {
  bool had_room = has_room();
  while (written_ < pending_.size()) {
    Transport::Moved moved = transport_->Write({}, std::string_view(pending_).substr(written_));
    if (moved.outcome == Outcome::kWouldBlock) break;
    if (moved.outcome == Outcome::kEnded) return false;
    last_activity_ms_ = MonotonicMilliseconds();
    written_ += moved.bytes;
  }
  if (written_ == pending_.size()) {
    pending_.clear();
    pending_.shrink_to_fit();
    written_ = 0;
    if (finishing_ && !std::exchange(ended_writing_, true)) transport_->EndWriting();
  }
  UpdateEvents();
  if (!had_room && has_room() && !finishing_) listener_.OnRoom();
  return true;
}

void Wire::Finish() {
  if (lost_ || finishing_) return;
  finishing_ = true;
  reading_ = true;
  if (!Flush()) UpdateEvents();  // the next event tells that the peer is gone
}

void Wire::SetReading(bool reading) {
  if (finishing_ || reading_ == reading) return;
  reading_ = reading;
  UpdateEvents();
}

void Wire::UpdateEvents() {
  if (lost_) return;
  uint32_t events = reads() ? EPOLLIN : EPOLLRDHUP;
  if (!pending_.empty()) events |= EPOLLOUT;
  if (events == events_) return;
  events_ = events;
  (void)loop_.Modify(transport_->fd(), events);
}

void Wire::Lose() {
  if (std::exchange(lost_, true)) return;
  loop_.Remove(transport_->fd());
  listener_.OnLost();
}

}  // namespace davit::streaming
