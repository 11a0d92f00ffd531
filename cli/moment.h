// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Times as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace davit::cli {

// "2026-01-02[T03:04[:05[.6]]]", with "Z", "+02:00" or nothing, which is UTC: nanoseconds since 1970.
std::optional<int64_t> ParseTimestamp(std::string text);

// The same, and "10m", "1h30m": how long ago, and "1767322800.5": seconds since 1970. As FormatRfc3339Nano
// prints it; an empty text stays empty. kInvalidArgument names `flag` and shows the grammar.
Result<std::string> ParseMoment(const std::string& flag, const std::string& text,
                                int64_t now_unix_nanoseconds);

}  // namespace davit::cli
