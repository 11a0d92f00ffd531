// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: compares messages with their fixed wire format.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/codec.h"

namespace davit {

inline std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (char byte : bytes) {
    text += kDigits[static_cast<uint8_t>(byte) >> 4];
    text += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

inline std::string FromHex(std::string_view text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return bytes;
}

// Expects that `message` encodes to `hex`, and that decoding `hex` and encoding it again gives `hex`.
template <typename Message>
void ExpectBytes(const Message& message, std::string_view hex) {
  EXPECT_EQ(Hex(Encode(message)), hex);
  auto read = Decode<Message>(FromHex(hex), "golden bytes");
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(Hex(Encode(*read)), hex);
}

}  // namespace davit
