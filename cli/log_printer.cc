// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_printer.h"

#include "base/file_io.h"

namespace davit::cli {
namespace {

constexpr size_t kWriteBytes = 64 << 10;

}  // namespace

Result<> LogPrinter::Add(std::string_view line) {
  std::optional<LogLine> parsed = ParseLogLine(line);
  TRY(SwitchTo(parsed ? parsed->stream : LogStream::kStderr));
  if (form_ == LogForm::kTimestamps && parsed && !in_line_) text_.append(parsed->time).append(" ");
  in_line_ = parsed && parsed->partial;
  text_ += parsed ? parsed->text : line;
  if (!in_line_) text_ += '\n';
  if (text_.size() >= kWriteBytes) return Flush();
  return {};
}

Result<> LogPrinter::SwitchTo(LogStream stream) {
  if (stream == stream_) return {};
  TRY(Flush());
  stream_ = stream;
  return {};
}

Result<> LogPrinter::Flush() {
  if (text_.empty()) return {};
  bool to_out = stream_ == LogStream::kStdout;
  TRY(WriteAll(to_out ? console_.out : console_.err, text_, to_out ? "standard output" : "standard error"));
  text_.clear();
  return {};
}

}  // namespace davit::cli
