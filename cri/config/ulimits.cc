// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/config/ulimits.h"

#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace davit::cri {
namespace {

constexpr std::pair<std::string_view, uint32_t> kNames[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

std::optional<uint64_t> ParseValue(std::string_view text) {
  if (text == "unlimited" || text == "-1") return uint64_t{RLIM_INFINITY};
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Ulimit> ParseUlimit(std::string_view text) {
  size_t equals = std::min(text.find('='), text.size());
  auto name =
      std::ranges::find(kNames, text.substr(0, equals), &std::pair<std::string_view, uint32_t>::first);
  if (name == std::end(kNames) || equals == text.size()) return std::nullopt;
  std::string_view values = text.substr(equals + 1);
  size_t colon = std::min(values.find(':'), values.size());
  std::optional<uint64_t> soft = ParseValue(values.substr(0, colon));
  std::optional<uint64_t> hard = colon == values.size() ? soft : ParseValue(values.substr(colon + 1));
  if (!soft || !hard || *soft > *hard) return std::nullopt;
  return Ulimit{name->second, *soft, *hard};
}

}  // namespace

std::expected<std::vector<Ulimit>, std::string> ParseUlimits(const std::vector<std::string>& texts) {
  std::vector<Ulimit> ulimits;
  for (const std::string& text : texts) {
    std::optional<Ulimit> ulimit = ParseUlimit(text);
    if (!ulimit) return std::unexpected('"' + text + "\" is not a limit such as \"nofile=1024:524288\"");
    if (std::ranges::find(ulimits, ulimit->resource, &Ulimit::resource) != ulimits.end())
      return std::unexpected('"' + text + "\" is the second limit of its name");
    ulimits.push_back(*ulimit);
  }
  return ulimits;
}

}  // namespace davit::cri
