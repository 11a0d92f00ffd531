// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/heap.h"

#include <malloc.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace davit::cri {
namespace {

constexpr int kArenas = 2;
// Larger blocks are mapped apart: their memory goes back when they are freed.
constexpr int kMapFrom = 256 << 10;
// How much free memory stays at an arena's end.
constexpr int kKeepAtEnd = 1 << 20;
// Free memory that is worth a trim.
constexpr size_t kWorthATrim = 8 << 20;

constexpr int kDelaySeconds = 5;
constexpr int kBusySeconds = 1;

}  // namespace

void ConfigureHeap() {
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_MMAP_THRESHOLD, kMapFrom);
  mallopt(M_TRIM_THRESHOLD, kKeepAtEnd);
}

Result<std::unique_ptr<HeapTrimmer>> HeapTrimmer::Start(Reactor& reactor, std::function<bool()> busy) {
  UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return SystemError("timerfd_create", "heap");
  std::unique_ptr<HeapTrimmer> trimmer(new HeapTrimmer(reactor, std::move(timer), std::move(busy)));
  Result<> watched;
  reactor.Await([&, self = trimmer.get()] {
    watched = reactor.loop().Add(self->timer_.get(), EPOLLIN, [self](uint32_t) { self->OnTimer(); });
  });
  if (!watched) return std::unexpected(std::move(watched).error());
  return trimmer;
}

HeapTrimmer::~HeapTrimmer() {
  reactor_.Await([this] { reactor_.loop().Remove(timer_.get()); });
}

void HeapTrimmer::Note() {
  if (!armed_.load(std::memory_order_relaxed) && !armed_.exchange(true)) Arm(kDelaySeconds);
}

void HeapTrimmer::Arm(int seconds) {
  itimerspec at{};
  at.it_value.tv_sec = seconds;
  timerfd_settime(timer_.get(), 0, &at, nullptr);
}

void HeapTrimmer::OnTimer() {
  uint64_t expirations = 0;
  [[maybe_unused]] ssize_t n = read(timer_.get(), &expirations, sizeof expirations);
  if (busy_()) return Arm(kBusySeconds);
  armed_ = false;
  if (mallinfo2().fordblks > kWorthATrim) malloc_trim(/*pad=*/kKeepAtEnd);
}

}  // namespace davit::cri
