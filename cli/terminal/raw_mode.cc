// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/raw_mode.h"

#include <signal.h>

#include <atomic>
#include <utility>

namespace davit::cli {
namespace {

constexpr int kCrashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// For the signal handler: written before `crash_terminal` is set.
termios crash_settings;
std::atomic<int> crash_terminal = -1;
static_assert(std::atomic<int>::is_always_lock_free);

// Async-signal-safe. The default action (SA_RESETHAND) follows.
void RestoreAndDie(int signo) {
  if (int terminal = crash_terminal.load(); terminal >= 0) tcsetattr(terminal, TCSANOW, &crash_settings);
  (void)raise(signo);
}

void HandleCrashes(int terminal, const termios& settings) {
  crash_settings = settings;
  crash_terminal = terminal;
  struct sigaction action{};
  action.sa_handler = RestoreAndDie;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (int signo : kCrashes) sigaction(signo, &action, nullptr);
}

}  // namespace

Result<RawMode> RawMode::Of(int terminal) {
  termios before{};
  if (tcgetattr(terminal, &before) < 0) return SystemError("tcgetattr", "terminal");
  RawMode mode(terminal, before);
  HandleCrashes(terminal, before);
  mode.Enter();
  return mode;
}

RawMode::RawMode(RawMode&& other) noexcept
    : terminal_(other.terminal_), before_(other.before_), raw_(std::exchange(other.raw_, false)) {}

void RawMode::Enter() {
  if (raw_) return;
  termios settings = before_;
  cfmakeraw(&settings);
  raw_ = tcsetattr(terminal_, TCSADRAIN, &settings) == 0;
}

// At once, because a terminal that takes no output would keep us from leaving.
void RawMode::Leave() {
  if (std::exchange(raw_, false)) tcsetattr(terminal_, TCSANOW, &before_);
}

}  // namespace davit::cli
