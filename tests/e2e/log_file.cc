// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/e2e/log_file.h"

#include <algorithm>
#include <regex>
#include <sstream>
#include <stdexcept>

#include "base/file_io.h"

namespace davit::e2e {
namespace {

constexpr size_t kMaxLogBytes = 256 << 20;

LogLine ParseLine(const std::string& text) {
  size_t time_end = text.find(' ');
  size_t stream_end = text.find(' ', time_end + 1);
  size_t tag_end = text.find(' ', stream_end + 1);
  if (tag_end == std::string::npos) throw std::runtime_error("not a CRI log line: '" + text + "'");
  LogLine line{.time = text.substr(0, time_end),
               .stream = text.substr(time_end + 1, stream_end - time_end - 1),
               .content = text.substr(tag_end + 1)};
  std::string tag = text.substr(stream_end + 1, tag_end - stream_end - 1);
  line.partial = tag == "P";
  static const std::regex time(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d))");
  bool known = (tag == "F" || tag == "P") && (line.stream == "stdout" || line.stream == "stderr");
  if (!known || !std::regex_match(line.time, time))
    throw std::runtime_error("not a CRI log line: '" + text + "'");
  return line;
}

}  // namespace

std::vector<LogLine> ReadLog(const std::string& path) {
  auto text = ReadFile(path, kMaxLogBytes);
  if (!text) throw std::runtime_error(text.error().ToString());
  std::vector<LogLine> lines;
  std::istringstream stream(*text);
  for (std::string line; std::getline(stream, line);) lines.push_back(ParseLine(line));
  return lines;
}

size_t CountLines(const std::string& path) {
  auto text = ReadFile(path, kMaxLogBytes);
  if (!text) throw std::runtime_error(text.error().ToString());
  return static_cast<size_t>(std::ranges::count(*text, '\n'));
}

}  // namespace davit::e2e
