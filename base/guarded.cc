// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/guarded.h"

#include <unistd.h>

#include <exception>

#include "base/log.h"

namespace davit {

Error CurrentException(std::string_view step, std::string_view subject) {
  Error error{Code::kInternal, 0, std::string(step), std::string(subject), "unexpected exception"};
  try {
    throw;
  } catch (const std::exception& exception) {
    error.context += std::string(": ") + exception.what();
  } catch (...) {
    error.context += " of an unknown type";
  }
  return error;
}

void LogException(const Error& error) {
  Logger(STDERR_FILENO, LogLevel::kError).Log(LogLevel::kError, "exception", {{"error", error.ToString()}});
}

}  // namespace davit
