// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors of requests, all in one form: step "validate", the field, its value and the reason.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::cri {

// "validate linux.security_context.run_as_group: 1000: needs a user". A long value is truncated, and its
// control characters are replaced, so that it fits in a log line.
std::unexpected<Error> BadField(std::string_view field, std::string_view value, std::string_view reason);

// kInvalidArgument for a value with a NUL: a system call would silently ignore the text after it.
Result<> CheckNoNul(std::string_view field, std::string_view value);

// An absolute path without its empty, "." and ".." components. kInvalidArgument if it is not absolute or
// contains a NUL.
Result<std::string> CleanAbsolutePath(std::string_view field, std::string_view path);

// A user or group id: 0 to 2^31-1, the range that all runtimes and filesystems support.
Result<uint32_t> CheckId(std::string_view field, int64_t id);

}  // namespace davit::cri
