// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/ids.h"

#include <sys/random.h>

#include <algorithm>

namespace davit {

Result<std::string> NewId() {
  unsigned char bytes[32];
  // Up to 256 bytes are never cut short by a signal.
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return SystemError("getrandom", "id");
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  id.reserve(2 * sizeof bytes);
  for (unsigned char byte : bytes) {
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

bool IsId(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace davit
