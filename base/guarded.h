// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Catches exceptions. Our own code returns errors; the standard library and third-party parsers throw.
#pragma once

#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace davit {

// The exception being handled, as an error of code kInternal. Call it only inside a catch block.
Error CurrentException(std::string_view step, std::string_view subject);

// Writes a log line to stderr, which is the daemon's log.
void LogException(const Error& error);

// Calls `work`, a function that returns a Result. An exception becomes an error of code kInternal.
template <typename Work>
std::invoke_result_t<Work> Guarded(std::string_view step, std::string_view subject, Work&& work) {
  try {
    return work();
  } catch (...) {
    return std::unexpected(CurrentException(step, subject));
  }
}

// Runs one iteration of a thread's loop. An exception is logged and the thread continues; uncaught, it would
// end the process, and all other work with it, without a message.
template <typename Work>
void RunGuarded(std::string_view thread, Work&& work) {
  try {
    work();
  } catch (...) {
    LogException(CurrentException("run", thread));
  }
}

}  // namespace davit
