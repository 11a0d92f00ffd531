// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/log_lines.h"

#include <algorithm>
#include <cstring>

#include "base/time.h"

namespace davit::shim {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr size_t kSecondsPrefix = sizeof("2026-01-02T03:04:05.") - 1;
constexpr size_t kKeptCapacity = 1 << 10;

void FormatNineDigits(int64_t value, char* digits) {
  for (int i = 8; i >= 0; --i, value /= 10) digits[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

bool LogLines::Emit(char tag, std::string_view rest, LogBatch& out) {
  int64_t now = UnixNanoseconds();
  if (now / kNanosecondsPerSecond != second_) {
    second_ = now / kNanosecondsPerSecond;
    prefix_ = FormatRfc3339Nano(now).substr(0, kSecondsPrefix);
  }
  char header[48];
  char* end = header;
  auto put = [&end](std::string_view text) { end = std::copy(text.begin(), text.end(), end); };
  put(prefix_);
  FormatNineDigits(now % kNanosecondsPerSecond, end);
  end += 9;
  put("Z ");
  put(stream_);
  put({" X ", 3});
  end[-2] = tag;
  std::string_view head(header, static_cast<size_t>(end - header));
  if (!out.BeginLine(head.size() + pending_.size() + rest.size() + 1)) return false;
  out.Append(head);
  out.Append(pending_);
  out.Append(rest);
  out.Append("\n");
  pending_.clear();
  return true;
}

size_t LogLines::Add(std::string_view data, LogBatch& out) {
  const size_t size = data.size();
  while (!data.empty()) {
    size_t room = kMaxLogLine - pending_.size();
    std::string_view window = data.substr(0, room);
    const void* newline = std::memchr(window.data(), '\n', window.size());
    if (newline != nullptr) {
      size_t length = static_cast<size_t>(static_cast<const char*>(newline) - data.data());
      if (!Emit('F', data.substr(0, length), out)) return size - data.size();
      data.remove_prefix(length + 1);
    } else if (data.size() <= room) {
      break;  // even a full line may still be ended by the next byte
    } else if (data[room] == '\n') {
      if (!Emit('F', window, out)) return size - data.size();
      data.remove_prefix(room + 1);
    } else {
      if (!Emit('P', window, out)) return size - data.size();
      data.remove_prefix(room);
    }
  }
  if (!data.empty()) {
    pending_ += data;
  } else if (pending_.empty() && pending_.capacity() > kKeptCapacity) {
    pending_ = std::string();
  }
  return size;
}

bool LogLines::Finish(LogBatch& out) {
  return pending_.empty() || Emit('P', {}, out);
}

}  // namespace davit::shim
