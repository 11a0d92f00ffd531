// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_selection.h"

#include <optional>

#include "base/number.h"
#include "cli/log_line.h"

namespace davit::cli {
namespace {

bool EndsLine(std::string_view line) {
  std::optional<LogLine> parsed = ParseLogLine(line);
  return !parsed || !parsed->partial;
}

}  // namespace

Result<std::optional<size_t>> ParseTail(const std::string& text) {
  if (text == "all") return std::optional<size_t>();
  std::optional<size_t> lines = WholeNumber<size_t>(text);
  if (lines) return lines;
  return Fail(Code::kInvalidArgument, "--tail", text, "write a number of lines, or all");
}

Result<> LogSelection::Add(std::string_view line) {
  if (!choice_.since.empty() || !choice_.until.empty()) {
    std::optional<LogLine> parsed = ParseLogLine(line);
    if (parsed && parsed->time < choice_.since) return {};
    if (parsed && !choice_.until.empty() && parsed->time > choice_.until) {
      past_until_ = true;
      return {};
    }
  }
  if (!beginning_ || !choice_.tail) return sink_(line);
  last_.emplace_back(line);
  whole_ += EndsLine(line) ? 1 : 0;
  while (whole_ > *choice_.tail) {  // leaves out one line of the workload, which may be in several pieces
    bool ends = EndsLine(last_.front());
    last_.pop_front();
    if (ends) --whole_;
  }
  return {};
}

Result<> LogSelection::EndBeginning() {
  beginning_ = false;
  for (; !last_.empty(); last_.pop_front()) TRY(sink_(last_.front()));
  return {};
}

}  // namespace davit::cli
