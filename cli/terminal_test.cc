// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/file_io.h"
#include "base/unique_fd.h"

namespace davit::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What a person types at the keyboard and sees on the screen.
class TerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TERM", "xterm", 1);
    int keyboard, screen;
    if (openpty(&keyboard, &screen, nullptr, nullptr, nullptr) < 0) GTEST_SKIP() << "this host has no devpts";
    keyboard_ = UniqueFd(keyboard);
    screen_ = UniqueFd(screen);
  }

  void Type(const std::string& keys) { EXPECT_TRUE(WriteAll(keyboard_.get(), keys, "keyboard")); }
  // Waits for `expected`, and returns everything shown so far.
  std::string See(const std::string& expected) {
    pollfd shown{keyboard_.get(), POLLIN, 0};
    while (seen_.find(expected) == std::string::npos && poll(&shown, 1, 20'000) == 1) {
      char text[256];
      ssize_t n = read(keyboard_.get(), text, sizeof text);
      if (n <= 0) break;
      seen_.append(text, static_cast<size_t>(n));
    }
    return seen_;
  }
  bool Echoes() {
    termios settings{};
    EXPECT_EQ(tcgetattr(screen_.get(), &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
  }
  Result<std::string> Ask(Echo echo) {
    return AskAtTerminal(screen_.get(), screen_.get(), "Password: ", echo, interrupt_);
  }

  UniqueFd keyboard_;
  UniqueFd screen_;
  Interrupt interrupt_{UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))};
  std::string seen_;
};

TEST_F(TerminalTest, APasswordDoesNotAppear) {
  Result<std::string> answer;
  std::thread person([&] {
    See("Password: ");
    Type("secret\n");
  });
  answer = Ask(Echo::kOff);
  person.join();
  EXPECT_EQ(answer.value(), "secret");
  EXPECT_THAT(See("\n"), Not(HasSubstr("secret")));
  EXPECT_TRUE(Echoes()) << "as it was before";
}

TEST_F(TerminalTest, ANameAppears) {
  std::thread person([&] {
    See("Password: ");
    Type("user\n");
  });
  EXPECT_EQ(Ask(Echo::kOn).value(), "user");
  person.join();
  EXPECT_THAT(See("user"), HasSubstr("user"));
}

TEST_F(TerminalTest, AnInterruptRestoresTheTerminal) {
  std::thread person([&] {
    See("Password: ");
    Type("sec");
    eventfd_write(interrupt_.fd(), 1);
  });
  Result<std::string> answer = Ask(Echo::kOff);
  person.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  EXPECT_TRUE(Echoes());
}

TEST_F(TerminalTest, TheEndOfInputIsNoAnswer) {
  std::thread person([&] {
    See("Password: ");
    Type("\x04");
  });
  EXPECT_EQ(Ask(Echo::kOff).error().code, Code::kCancelled);
  person.join();
}

TEST_F(TerminalTest, HasASize) {
  winsize size{.ws_row = 7, .ws_col = 33, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(ioctl(screen_.get(), TIOCSWINSZ, &size), 0);
  EXPECT_EQ(SizeOfTerminal(screen_.get()), (TerminalSize{33, 7}));
  size = {};
  ASSERT_EQ(ioctl(screen_.get(), TIOCSWINSZ, &size), 0);
  EXPECT_EQ(SizeOfTerminal(screen_.get()), TerminalSize()) << "a serial line does not know it";
  setenv("TERM", "dumb", 1);
  EXPECT_EQ(SizeOfTerminal(screen_.get()), std::nullopt);
}

TEST(NoTerminal, HasNoSize) {
  UniqueFd file(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(SizeOfTerminal(file.get()), std::nullopt);
}

}  // namespace
}  // namespace davit::cli
