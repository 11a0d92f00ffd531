// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The terminal of the person who runs the command.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/interrupt.h"

namespace davit::cli {

struct TerminalSize {
  size_t columns = 80;
  size_t rows = 24;

  bool operator==(const TerminalSize&) const = default;
};

// The present size if `fd` is a terminal that can move its cursor; nullopt for pipes, files and TERM=dumb.
std::optional<TerminalSize> SizeOfTerminal(int fd);

enum class Echo : bool { kOff, kOn };

// Reads one line from the terminal `in`, without its newline, after printing `prompt` to `out`. With kOff the
// text does not appear on the screen. kCancelled at an interrupt, or at the end of input before a newline.
Result<std::string> AskAtTerminal(int in, int out, const std::string& prompt, Echo echo,
                                  const Interrupt& interrupt);

}  // namespace davit::cli
