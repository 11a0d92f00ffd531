// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Frames of WebSocket (RFC 6455), the server's side.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::streaming {

// Callbacks of WebSocketReader, in the order of the bytes.
class WebSocketFrames {
 public:
  virtual ~WebSocketFrames() = default;
  // A piece of a message, as it is received; text and binary messages are treated alike. `begins`: the first
  // piece, which has at least one byte unless the message is empty. `ends`: the last piece.
  virtual void OnMessagePiece(std::string_view piece, bool begins, bool ends) = 0;
  virtual void OnPing(std::string_view payload) = 0;
  virtual void OnClose() = 0;
};

// Reads a client's frames from bytes that may be split anywhere; buffers at most one control frame.
class WebSocketReader {
 public:
  explicit WebSocketReader(WebSocketFrames& frames) : frames_(frames) {}

  // Unmasks in place. After an error the connection must be closed; after OnClose all further bytes are
  // ignored.
  Result<> Consume(std::span<char> bytes);

 private:
  Result<> TakeHeader(std::span<char>& bytes);
  Result<> BeginFrame();
  void TakePayload(std::span<char>& bytes);
  void EndControl();

  WebSocketFrames& frames_;
  std::string header_;
  std::string control_;  // the payload of a control frame
  char mask_[4] = {};
  size_t mask_at_ = 0;
  uint64_t left_ = 0;  // of the frame's payload
  uint8_t opcode_ = 0;
  bool final_ = false;
  bool in_frame_ = false;
  bool in_message_ = false;  // another fragment follows
  bool begins_ = false;      // no piece of the message has been reported yet
  bool closed_ = false;
};

enum class WebSocketOpcode : uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// The header of an unfragmented frame; `size` bytes follow.
std::string WebSocketHeader(WebSocketOpcode opcode, size_t size);
// A close frame with status 1000, "normal closure".
std::string WebSocketClose();
// The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key.
std::string WebSocketAccept(std::string_view key);

}  // namespace davit::streaming
