// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Errors of requests, all in one form: step "validate", the field, its value and what is wrong with it.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

// "validate linux.security_context.run_as_group: 1000: needs a user". A value that is not text fit for a log
// line is shortened and its control characters are replaced.
std::unexpected<Error> BadField(std::string_view field, std::string_view value, std::string_view reason);

// The field asks for something that this version does not do.
std::unexpected<Error> UnsupportedField(std::string_view field, std::string_view value,
                                        std::string_view reason);

// Text that becomes an argument of a system call ends at its first NUL: what follows would be lost unseen.
Result<> CheckNoNul(std::string_view field, std::string_view value);

// An absolute path without its empty, "." and ".." components. kInvalidArgument when it is not absolute or
// has a NUL.
Result<std::string> CleanAbsolutePath(std::string_view field, std::string_view path);

// A user or group id: 0 to 2^31-1, the range that every runtime and filesystem agrees on.
Result<uint32_t> CheckId(std::string_view field, int64_t id);

}  // namespace davit
