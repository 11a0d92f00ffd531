// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/testing/client_frames.h"

#include "streaming/big_endian.h"
#include "streaming/spdy_frames.h"

namespace davit::streaming {

std::string SpdyClientFrames::Open(uint32_t stream, const SpdyHeaders& headers, bool fin) {
  std::string payload;
  AppendBig32(payload, stream);
  AppendBig32(payload, 0);
  AppendBig16(payload, 0);
  return Control(1, payload + headers_.Write(headers), fin ? 1 : 0);
}

std::string SpdyClientFrames::Data(uint32_t stream, std::string_view data, bool fin) {
  return SpdyDataHeader(stream, data.size(), fin).append(data);
}

std::string SpdyClientFrames::Ping(uint32_t id) {
  return SpdyPing(id);
}

std::string SpdyClientFrames::Reset(uint32_t stream) {
  return SpdyResetFrame(stream, SpdyReset::kCancel);
}

std::string SpdyClientFrames::Control(uint16_t type, std::string_view payload, uint8_t flags,
                                      uint16_t version) {
  std::string frame;
  AppendBig16(frame, static_cast<uint16_t>(0x8000 | version));
  AppendBig16(frame, type);
  AppendBig32(frame, static_cast<uint32_t>(payload.size()) | uint32_t{flags} << 24);
  return frame.append(payload);
}

std::string WebSocketClientFrame(uint8_t opcode, std::string_view payload, bool final) {
  std::string frame(1, static_cast<char>(opcode | (final ? 0x80 : 0)));
  if (payload.size() <= 125) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame += static_cast<char>(0x80 | 127);
    AppendBig32(frame, 0);
    AppendBig32(frame, static_cast<uint32_t>(payload.size()));
  }
  constexpr char kMask[] = {0x37, 0x13, 0x5a, 0x01};
  frame.append(kMask, sizeof kMask);
  for (size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return frame;
}

}  // namespace davit::streaming
