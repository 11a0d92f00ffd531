// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where exceptions end. Our own code returns its errors; the standard library and parsers of others throw.
#pragma once

#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace davit {

// The exception in flight as an error of code kInternal. Only inside a catch block.
Error CurrentException(std::string_view step, std::string_view subject);

// Writes a line to stderr, which is the daemon's log.
void LogException(const Error& error);

// What `work`, a function that returns a Result, returns; an exception that leaves it is its error.
template <typename Work>
std::invoke_result_t<Work> Guarded(std::string_view step, std::string_view subject, Work&& work) {
  try {
    return work();
  } catch (...) {
    return std::unexpected(CurrentException(step, subject));
  }
}

// Takes one turn of a thread's loop. An exception would end the process without a word, and with it the work
// of all other turns: it is logged, and the thread goes on.
template <typename Work>
void RunGuarded(std::string_view thread, Work&& work) {
  try {
    work();
  } catch (...) {
    LogException(CurrentException("run", thread));
  }
}

}  // namespace davit
