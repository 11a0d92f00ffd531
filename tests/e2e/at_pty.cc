// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/e2e/at_pty.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <system_error>

namespace davit::e2e {
namespace {

constexpr int kPatienceMs = 20'000;

[[noreturn]] void Throw(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

UniqueFd OpenController() {
  char directory[] = "/tmp/davit-pts-XXXXXX";
  if (mkdtemp(directory) == nullptr) Throw("mkdtemp");
  if (mount("devpts", directory, "devpts", 0, "newinstance,ptmxmode=0666") < 0) Throw("mount devpts");
  UniqueFd controller(open((std::string(directory) + "/ptmx").c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  int err = errno;
  umount2(directory, MNT_DETACH);
  rmdir(directory);
  errno = err;
  if (!controller) Throw("open ptmx");
  int unlocked = 0;
  if (ioctl(controller.get(), TIOCSPTLCK, &unlocked) < 0) Throw("TIOCSPTLCK");
  return controller;
}

}  // namespace

AtPty::AtPty(const std::vector<std::string>& arguments) : keyboard_(OpenController()) {
  peer_.Reset(ioctl(keyboard_.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!peer_) Throw("TIOCGPTPEER");
  Resize(24, 80);
  std::vector<char*> words;
  for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) Throw("fork");
  if (pid_ == 0) {
    setsid();
    ioctl(peer_.get(), TIOCSCTTY, 0);
    for (int fd : {0, 1, 2}) dup2(peer_.get(), fd);
    execv(words[0], words.data());
    _exit(127);
  }
}

AtPty::~AtPty() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void AtPty::Type(const std::string& keys) {
  EXPECT_EQ(write(keyboard_.get(), keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

bool AtPty::ReadMore(int timeout_ms) {
  pollfd readable{keyboard_.get(), POLLIN, 0};
  if (poll(&readable, 1, timeout_ms) != 1) return false;
  char buffer[4096];
  ssize_t n = read(keyboard_.get(), buffer, sizeof buffer);
  if (n > 0) screen_.append(buffer, static_cast<size_t>(n));
  return n > 0;
}

std::string AtPty::WaitFor(const std::string& text) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (screen_.find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() > deadline || !ReadMore(kPatienceMs)) {
      ADD_FAILURE() << "the screen does not show \"" << text << "\" but: " << screen_;
      break;
    }
  }
  return screen_;
}

void AtPty::Resize(int rows, int columns) {
  winsize size{};
  size.ws_row = static_cast<uint16_t>(rows);
  size.ws_col = static_cast<uint16_t>(columns);
  EXPECT_EQ(ioctl(keyboard_.get(), TIOCSWINSZ, &size), 0);
}

bool AtPty::IsRaw() const {
  termios settings{};
  EXPECT_EQ(tcgetattr(peer_.get(), &settings), 0);
  return (settings.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (settings.c_oflag & OPOST) == 0;
}

bool AtPty::BecomesRaw(bool raw) const {
  for (int i = 0; i < kPatienceMs / 10; ++i) {
    if (IsRaw() == raw) return true;
    usleep(10'000);
  }
  return false;
}

void AtPty::Signal(int signo) const {
  EXPECT_EQ(kill(pid_, signo), 0);
}

bool AtPty::Stops() {
  for (int i = 0; i < kPatienceMs / 10; ++i) {
    int status = 0;
    if (waitpid(pid_, &status, WUNTRACED | WNOHANG) == pid_) return WIFSTOPPED(status);
    usleep(10'000);
  }
  return false;
}

int AtPty::Wait() {
  for (int i = 0; i < kPatienceMs / 10; ++i) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      while (ReadMore(0)) continue;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    ReadMore(10);
  }
  ADD_FAILURE() << "the program does not end; the screen shows: " << screen_;
  return -1;
}

}  // namespace davit::e2e
