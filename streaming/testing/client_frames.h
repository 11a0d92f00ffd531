// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Frames as a client sends them.
#pragma once

#include <string>
#include <string_view>

#include "streaming/spdy_headers.h"

namespace davit::streaming {

// The frames of one SPDY connection, which share one compression state.
class SpdyClientFrames {
 public:
  std::string Open(uint32_t stream, const SpdyHeaders& headers, bool fin = false);
  static std::string Data(uint32_t stream, std::string_view data, bool fin = false);
  static std::string Ping(uint32_t id);
  static std::string Reset(uint32_t stream);
  // Any control frame, valid or not.
  static std::string Control(uint16_t type, std::string_view payload, uint8_t flags = 0,
                             uint16_t version = 3);

 private:
  SpdyHeaderWriter headers_;
};

// A masked WebSocket frame.
std::string WebSocketClientFrame(uint8_t opcode, std::string_view payload, bool final = true);

}  // namespace davit::streaming
