// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/oom.h"

#include <unistd.h>

#include <charconv>

namespace davit::shim {

uint64_t ParseOomKills(std::string_view text) {
  constexpr std::string_view kKey = "oom_kill ";
  size_t at = text.starts_with(kKey) ? 0 : text.find("\noom_kill ");
  if (at == std::string_view::npos) return 0;
  at += kKey.size() + (text[at] == '\n' ? 1 : 0);
  uint64_t kills = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), kills);
  return kills;
}

Result<uint64_t> ReadOomKills(int fd) {
  char buffer[1024];
  ssize_t n = TEMP_FAILURE_RETRY(pread(fd, buffer, sizeof buffer, 0));
  if (n < 0) return SystemError("read", "OOM kills");
  return ParseOomKills({buffer, static_cast<size_t>(n)});
}

}  // namespace davit::shim
