// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The sizes that a client's terminal takes on, from its resize channel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace davit {

struct WindowSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
};

// Reads {"Width":80,"Height":24}{...} from any pieces.
class WindowSizeReader {
 public:
  // The last size that is whole by now.
  std::optional<WindowSize> Consume(std::string_view data);

 private:
  std::string partial_;
};

// TIOCSWINSZ (ioctl_tty(2)): the processes in the terminal are told by SIGWINCH.
void SetWindowSize(int terminal, WindowSize size);

}  // namespace davit
