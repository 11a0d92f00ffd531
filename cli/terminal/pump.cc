// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/pump.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace davit::cli {
namespace {

constexpr size_t kPieceBytes = 64 << 10;
constexpr int kSpliceBytes = 1 << 20;

mode_t KindOf(int fd) {
  struct stat found{};
  return fstat(fd, &found) == 0 ? found.st_mode & S_IFMT : 0;
}

bool CanSplice(int from, int to) {
  mode_t source = KindOf(from), sink = KindOf(to);
  auto fits = [](mode_t kind) { return kind == S_IFIFO || kind == S_IFREG; };
  return fits(source) && fits(sink) && (source == S_IFIFO || sink == S_IFIFO);
}

bool Blocks(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return (flags & O_NONBLOCK) == 0 && KindOf(fd) != S_IFREG;
}

}  // namespace

Pump::Pump(int from, int to, Filter filter)
    : from_(from),
      to_(to),
      filter_(std::move(filter)),
      splices_(!filter_ && CanSplice(from, to)),
      to_blocks_(Blocks(to)) {
  // Fewer wakeups for each megabyte. Refused for other files, and beyond the user's share of pipe pages.
  if (!splices_) return;
  for (int fd : {from, to}) fcntl(fd, F_SETPIPE_SZ, kSpliceBytes);
}

Pump Pump::FromOwned(UniqueFd from, int to) {
  Pump pump(from.get(), to);
  pump.owned_ = std::move(from);
  return pump;
}

Pump Pump::ToOwned(int from, UniqueFd to) {
  Pump pump(from, to.get());
  pump.owned_ = std::move(to);
  return pump;
}

pollfd Pump::Wait() const {
  if (ended()) return {-1, 0, 0};
  return waits_for_room_ ? pollfd{to_, POLLOUT, 0} : pollfd{from_, POLLIN, 0};
}

void Pump::End() {
  from_ = to_ = -1;
  rest_.clear();
  owned_.Reset();
}

void Pump::Step() {
  starved_ = false;
  if (ended()) return;
  if (splices_)
    Splice();
  else if (waits_for_room_)
    Write();
  else
    Read();
}

void Pump::EndAfterRest() {
  while (!ended()) {
    pollfd ready = Wait();
    bool is_ready = TEMP_FAILURE_RETRY(poll(&ready, 1, /*timeout=*/0)) == 1;
    if (!is_ready && waits_for_room_) return;  // the rest follows
    if (!is_ready) return End();
    Step();
    if (starved_) return End();
  }
}

// Whether the source is empty or the sink is full is not said: the other one is waited for next.
void Pump::Splice() {
  ssize_t n = TEMP_FAILURE_RETRY(
      splice(from_, nullptr, to_, nullptr, kSpliceBytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
  if (n > 0) {
    waits_for_room_ = false;
  } else if (n < 0 && errno == EAGAIN) {
    starved_ = waits_for_room_;
    waits_for_room_ = !waits_for_room_;
  } else if (n < 0 && errno == EINVAL) {  // a file that is only appended to
    splices_ = waits_for_room_ = false;
  } else {
    broken_ = n < 0;
    End();
  }
}

void Pump::Read() {
  char buffer[kPieceBytes];
  ssize_t n = TEMP_FAILURE_RETRY(read(from_, buffer, sizeof buffer));
  if (n < 0 && errno == EAGAIN) {
    starved_ = true;
    return;
  }
  at_end_ = n <= 0;  // a terminal whose other end is closed says EIO
  if (n > 0) {
    std::string_view data(buffer, static_cast<size_t>(n));
    rest_ = filter_ ? filter_(data) : std::string(data);
  }
  Write();
}

// A pipe that is ready takes at least PIPE_BUF bytes without blocking (pipe(7)).
void Pump::Write() {
  std::string_view left = rest_;
  while (!left.empty()) {
    size_t size = to_blocks_ ? std::min<size_t>(left.size(), PIPE_BUF) : left.size();
    pollfd room{to_, POLLOUT, 0};
    bool has_room = TEMP_FAILURE_RETRY(poll(&room, 1, /*timeout=*/0)) == 1;
    ssize_t n = has_room ? TEMP_FAILURE_RETRY(write(to_, left.data(), size)) : 0;
    if (n < 0 && errno != EAGAIN) {  // EPIPE, EIO, ENOSPC: nobody takes the rest
      broken_ = true;
      return End();
    }
    if (n <= 0) break;
    left.remove_prefix(static_cast<size_t>(n));
  }
  waits_for_room_ = !left.empty();
  rest_.erase(0, rest_.size() - left.size());
  if (at_end_ && rest_.empty()) End();
}

}  // namespace davit::cli
