// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The sizes of a client's terminal, from its resize channel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace davit::streaming {

struct WindowSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
};

// Reads {"Width":80,"Height":24}{...} from bytes that may be split anywhere.
class WindowSizeReader {
 public:
  // Returns the last complete size, or nullopt if `data` completes none.
  std::optional<WindowSize> Consume(std::string_view data);

 private:
  std::string partial_;
};

// Sets the size by TIOCSWINSZ (ioctl_tty(2)); the terminal's foreground processes get SIGWINCH.
void SetWindowSize(int terminal, WindowSize size);

}  // namespace davit::streaming
