// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Integers in network byte order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace davit::streaming {

inline void AppendBig16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value);
}

inline void AppendBig32(std::string& out, uint32_t value) {
  AppendBig16(out, static_cast<uint16_t>(value >> 16));
  AppendBig16(out, static_cast<uint16_t>(value));
}

// Decodes all of `bytes`, at most eight.
inline uint64_t ReadBig(std::string_view bytes) {
  uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

}  // namespace davit::streaming
