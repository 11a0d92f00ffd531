// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/pressure.h"

#include <charconv>

namespace davit::cri {
namespace {

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"
std::optional<Stall> ParseStall(std::string_view text, std::string_view kind) {
  size_t begin = text.find(kind);
  if (begin == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  auto read = [line](std::string_view key, auto& value) {
    size_t at = line.find(key);
    if (at == std::string_view::npos) return;
    std::from_chars(line.data() + at + key.size(), line.data() + line.size(), value);
  };
  Stall stall;
  read("avg10=", stall.avg10);
  read("avg60=", stall.avg60);
  read("avg300=", stall.avg300);
  read("total=", stall.total_us);
  return stall;
}

}  // namespace

std::optional<Pressure> ParsePressure(std::string_view text) {
  std::optional<Stall> some = ParseStall(text, "some ");
  if (!some) return std::nullopt;
  return Pressure{*some, ParseStall(text, "full ").value_or(Stall())};
}

std::optional<Pressure> ReadPressure(const CgroupFiles& files, const std::string& resource) {
  std::optional<std::string> text = files.ReadUnified(resource + ".pressure");
  return text ? ParsePressure(*text) : std::nullopt;
}

}  // namespace davit::cri
