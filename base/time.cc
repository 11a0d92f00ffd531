// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/time.h"

#include <time.h>

#include <cstdio>

namespace davit {

int64_t UnixNanoseconds() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

std::string FormatRfc3339Nano(int64_t unix_nanoseconds) {
  time_t seconds = unix_nanoseconds / 1'000'000'000;
  long fraction = unix_nanoseconds % 1'000'000'000;
  tm utc;
  gmtime_r(&seconds, &utc);
  char buffer[64];
  int size = snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", utc.tm_year + 1900, utc.tm_mon + 1,
                      utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, fraction);
  return std::string(buffer, static_cast<size_t>(size));
}

int64_t MonotonicMilliseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

}  // namespace davit
