// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Wall-clock time as CRI carries it: nanoseconds since 1970 (UTC).
#pragma once

#include <cstdint>
#include <string>

namespace davit {

int64_t UnixNanoseconds();

// "2026-01-02T03:04:05.123456789Z": the time stamp of CRI log lines, always with nine digits (RFC 3339).
std::string FormatRfc3339Nano(int64_t unix_nanoseconds);

// Milliseconds of CLOCK_MONOTONIC, for deadlines.
int64_t MonotonicMilliseconds();

}  // namespace davit
