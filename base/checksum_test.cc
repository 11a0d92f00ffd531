// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace davit {
namespace {

// The check value of CRC-64/XZ.
TEST(ChecksumTest, IsThatOfXz) {
  Checksum checksum;
  EXPECT_EQ(checksum.value(), 0u);
  checksum.Update("123456789");
  EXPECT_EQ(checksum.value(), 0x995dc9bbdf1939faULL);
}

TEST(ChecksumTest, DoesNotDependOnThePieces) {
  std::string text(10'000, 'x');
  Checksum whole;
  whole.Update(text);
  Checksum pieces;
  for (size_t size = 1; !text.empty(); size = size * 2 + 1) {
    pieces.Update(text.substr(0, size));
    text.erase(0, size);
  }
  EXPECT_EQ(pieces.value(), whole.value());
}

}  // namespace
}  // namespace davit
