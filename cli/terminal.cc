// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/file_io.h"

namespace davit::cli {
namespace {

constexpr size_t kMostBytes = 65'536;

// Restores the terminal's settings.
class EchoOff {
 public:
  explicit EchoOff(int terminal) : terminal_(terminal) {
    if (tcgetattr(terminal_, &before_) < 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(terminal_, TCSAFLUSH, &quiet) == 0;
  }
  ~EchoOff() {
    if (changed_) tcsetattr(terminal_, TCSANOW, &before_);
  }
  EchoOff(const EchoOff&) = delete;
  EchoOff& operator=(const EchoOff&) = delete;

  bool works() const { return changed_; }

 private:
  const int terminal_;
  termios before_{};
  bool changed_ = false;
};

Result<std::string> ReadLine(int in, const Interrupt& interrupt) {
  std::string line;
  while (line.size() < kMostBytes) {
    pollfd waits[] = {{in, POLLIN, 0}, {interrupt.fd(), POLLIN, 0}};
    if (TEMP_FAILURE_RETRY(poll(waits, 2, /*timeout=*/-1)) < 0) return SystemError("poll", "terminal");
    if (waits[1].revents != 0) return Fail(Code::kCancelled, "", "", "interrupted");
    char c = 0;
    ssize_t n = TEMP_FAILURE_RETRY(read(in, &c, 1));
    if (n < 0) return SystemError("read", "terminal");
    if (n == 0) return Fail(Code::kCancelled, "", "", "end of input");
    if (c == '\n') return line;
    line += c;
  }
  return Fail(Code::kInvalidArgument, "read", "terminal", "the line is too long");
}

}  // namespace

std::optional<TerminalSize> SizeOfTerminal(int fd) {
  winsize size{};
  const char* kind = getenv("TERM");
  if (kind == nullptr || std::string_view(kind) == "dumb" || isatty(fd) == 0) return std::nullopt;
  TerminalSize answer;
  // A terminal that was given no size says 0.
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) answer.columns = size.ws_col;
  if (size.ws_row > 0) answer.rows = size.ws_row;
  return answer;
}

Result<std::string> AskAtTerminal(int in, int out, const std::string& prompt, Echo echo,
                                  const Interrupt& interrupt) {
  if (echo == Echo::kOn) {
    TRY(WriteAll(out, prompt, "terminal"));
    return ReadLine(in, interrupt);
  }
  EchoOff quiet(in);  // before the prompt: what is typed after it never shows
  if (!quiet.works()) return SystemError("tcsetattr", "terminal");
  TRY(WriteAll(out, prompt, "terminal"));
  Result<std::string> line = ReadLine(in, interrupt);
  TRY(WriteAll(out, "\n", "terminal"));
  return line;
}

}  // namespace davit::cli
