// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/websocket_frames.h"

#include <openssl/sha.h>

#include <algorithm>

#include "base/base64.h"
#include "streaming/big_endian.h"

namespace davit::streaming {
namespace {

constexpr uint8_t kContinuation = 0;
constexpr uint8_t kFirstControl = 8;
constexpr size_t kMaxControlPayload = 125;

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidArgument, "read WebSocket frame", "client", what);
}

// How long a header is, as far as its first bytes tell.
size_t HeaderSize(std::string_view header) {
  if (header.size() < 2) return 2;
  size_t length = header[1] & 0x7f;
  return 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + 4;
}

bool IsKnown(uint8_t opcode) {
  return opcode <= 2 || (opcode >= kFirstControl && opcode <= 10);
}

}  // namespace

Result<> WebSocketReader::Consume(std::span<char> bytes) {
  while (!bytes.empty() && !closed_) {
    if (in_frame_)
      TakePayload(bytes);
    else
      TRY(TakeHeader(bytes));
  }
  return {};
}

Result<> WebSocketReader::TakeHeader(std::span<char>& bytes) {
  while (!bytes.empty() && header_.size() < HeaderSize(header_)) {
    header_ += bytes.front();
    bytes = bytes.subspan(1);
  }
  return header_.size() == HeaderSize(header_) ? BeginFrame() : Result<>();
}

Result<> WebSocketReader::BeginFrame() {
  std::string header = std::exchange(header_, {});
  final_ = (header[0] & 0x80) != 0;
  opcode_ = header[0] & 0x0f;
  left_ = header[1] & 0x7f;
  if (left_ > kMaxControlPayload) {
    left_ = ReadBig(std::string_view(header).substr(2, header.size() - 6));
  }
  std::copy_n(header.end() - 4, 4, mask_);
  mask_at_ = 0;

  bool control = opcode_ >= kFirstControl;
  if ((header[0] & 0x70) != 0) return Malformed("reserved bits are set");
  if (!IsKnown(opcode_)) return Malformed("unknown opcode");
  if ((header[1] & 0x80) == 0) return Malformed("it is not masked");
  if ((left_ >> 63) != 0) return Malformed("impossible length");
  if (control && (!final_ || left_ > kMaxControlPayload)) return Malformed("a control frame is too long");
  if (!control && (opcode_ == kContinuation) != in_message_) return Malformed("fragments out of order");

  if (!control && opcode_ != kContinuation) begins_ = true;
  if (!control) in_message_ = !final_;
  in_frame_ = true;
  if (left_ == 0) {
    std::span<char> nothing;
    TakePayload(nothing);
  }
  return {};
}

void WebSocketReader::TakePayload(std::span<char>& bytes) {
  std::span<char> piece = bytes.first(static_cast<size_t>(std::min<uint64_t>(left_, bytes.size())));
  bytes = bytes.subspan(piece.size());
  left_ -= piece.size();
  for (char& byte : piece) byte = static_cast<char>(byte ^ mask_[mask_at_++ & 3]);
  in_frame_ = left_ > 0;
  std::string_view text(piece.data(), piece.size());
  if (opcode_ >= kFirstControl) {
    control_ += text;
    if (!in_frame_) EndControl();
    return;
  }
  bool ends = !in_frame_ && final_;
  if (text.empty() && !ends) return;
  frames_.OnMessagePiece(text, std::exchange(begins_, false), ends);
}

void WebSocketReader::EndControl() {
  std::string payload = std::exchange(control_, {});
  if (opcode_ == static_cast<uint8_t>(WebSocketOpcode::kPing)) frames_.OnPing(payload);
  if (opcode_ != static_cast<uint8_t>(WebSocketOpcode::kClose)) return;
  closed_ = true;
  frames_.OnClose();
}

std::string WebSocketHeader(WebSocketOpcode opcode, size_t size) {
  std::string header(1, static_cast<char>(0x80 | static_cast<uint8_t>(opcode)));
  if (size <= kMaxControlPayload) {
    header += static_cast<char>(size);
  } else if (size <= 0xffff) {
    header += char{126};
    AppendBig16(header, static_cast<uint16_t>(size));
  } else {
    header += char{127};
    AppendBig32(header, static_cast<uint32_t>(size >> 32));
    AppendBig32(header, static_cast<uint32_t>(size));
  }
  return header;
}

std::string WebSocketClose() {
  constexpr uint16_t kNormalClosure = 1000;
  std::string frame = WebSocketHeader(WebSocketOpcode::kClose, 2);
  AppendBig16(frame, kNormalClosure);
  return frame;
}

std::string WebSocketAccept(std::string_view key) {
  std::string salted(key);
  salted += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest);
  return EncodeBase64({reinterpret_cast<const char*>(digest), sizeof digest});
}

}  // namespace davit::streaming
