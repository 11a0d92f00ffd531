// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The times of files (stat(2)).
#pragma once

#include <time.h>

#include <cstdint>

namespace davit {

// As UnixNanoseconds.
constexpr int64_t ToNanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace davit
