// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Amounts as Docker's users write them.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace davit::cli {

// "512m", "1.5g", "100000": bytes, with an optional unit b, k, m, g or t of 1024. kInvalidArgument shows the
// grammar.
Result<int64_t> ParseBytes(const std::string& text);

// "1.5": CPUs, in billionths.
Result<int64_t> ParseCpus(const std::string& text);

// "1m30s", "1.5h", "200ms": nanoseconds, as Go writes them: numbers with the units ns, us, ms, s, m or h, and
// "0".
Result<int64_t> ParseDuration(const std::string& text);

// "9", "KILL", "SIGKILL": a number from 1 to 64.
Result<int> ParseSignal(const std::string& text);

}  // namespace davit::cli
