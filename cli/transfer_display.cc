// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/transfer_display.h"

#include <chrono>

#include "base/file_io.h"
#include "base/time.h"
#include "cli/terminal.h"

namespace davit::cli {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

}  // namespace

TransferDisplay::TransferDisplay(int fd, Transfer transfer)
    : fd_(fd), on_terminal_(SizeOfTerminal(fd).has_value()), layers_(transfer) {
  if (on_terminal_) painter_ = std::thread([this] { DrawUntilStopped(); });
}

TransferDisplay::~TransferDisplay() {
  if (!on_terminal_) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  painter_.join();
}

void TransferDisplay::Apply(const LayerChanges& changes) {
  std::lock_guard lock(mutex_);
  std::vector<size_t> changed = layers_.Apply(changes, MonotonicMilliseconds());
  if (on_terminal_) return;
  std::string text;
  for (size_t layer : changed) text += layers_.Plain(layer) + "\n";
  (void)WriteAll(fd_, text, "progress");
}

void TransferDisplay::DrawUntilStopped() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Draw();
    stopped_.wait_for(lock, kInterval);
  }
  Draw();
}

void TransferDisplay::Draw() {
  TerminalSize size = SizeOfTerminal(fd_).value_or(TerminalSize());
  std::vector<std::string> lines = layers_.ForTerminal(size, MonotonicMilliseconds());
  if (lines == drawn_ && size == drawn_for_) return;
  (void)WriteAll(fd_, block_.Draw(lines, size), "progress");
  drawn_ = std::move(lines);
  drawn_for_ = size;
}

}  // namespace davit::cli
