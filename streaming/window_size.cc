// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/window_size.h"

#include <sys/ioctl.h>

#include "base/json.h"

namespace davit::streaming {
namespace {

constexpr size_t kMaxMessage = 1024;

std::optional<uint16_t> Dimension(const nlohmann::json& message, const char* name) {
  const nlohmann::json* field = JsonMember(message, name);
  std::optional<uint64_t> value = field == nullptr ? std::nullopt : JsonUnsigned(*field);
  return value && *value <= UINT16_MAX ? std::optional(static_cast<uint16_t>(*value)) : std::nullopt;
}

std::optional<WindowSize> Parse(std::string_view text) {
  nlohmann::json message = JsonOrNull(text);
  auto columns = Dimension(message, "Width");
  auto rows = Dimension(message, "Height");
  if (!columns || !rows) return std::nullopt;
  return WindowSize{*columns, *rows};
}

}  // namespace

std::optional<WindowSize> WindowSizeReader::Consume(std::string_view data) {
  std::optional<WindowSize> last;
  for (char c : data) {
    if (partial_.size() < kMaxMessage) partial_ += c;
    if (c != '}') continue;  // the message is flat
    if (auto size = Parse(partial_)) last = size;
    partial_.clear();
  }
  return last;
}

void SetWindowSize(int terminal, WindowSize size) {
  winsize window{};
  window.ws_col = size.columns;
  window.ws_row = size.rows;
  ioctl(terminal, TIOCSWINSZ, &window);
}

}  // namespace davit::streaming
