// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Frames of WebSocket (RFC 6455), the server's side.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

// Told by WebSocketReader, in the order of the bytes.
class WebSocketFrames {
 public:
  virtual ~WebSocketFrames() = default;
  // A piece of a message, as it comes in; text and binary are the same here. `begins`: its first piece, which
  // has at least one byte unless the message is empty. `ends`: nothing follows.
  virtual void OnMessagePiece(std::string_view piece, bool begins, bool ends) = 0;
  virtual void OnPing(std::string_view payload) = 0;
  virtual void OnClose() = 0;
};

// Reads a client's frames from any pieces of its bytes; keeps at most one control frame.
class WebSocketReader {
 public:
  explicit WebSocketReader(WebSocketFrames& frames) : frames_(frames) {}

  // Unmasks in place. After an error the connection is lost, and after OnClose the rest is ignored.
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
  bool in_message_ = false;  // a fragment is to follow
  bool begins_ = false;      // nothing of the message has been told yet
  bool closed_ = false;
};

enum class WebSocketOpcode : uint8_t { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

// The header of an unfragmented frame; `size` bytes follow.
std::string WebSocketHeader(WebSocketOpcode opcode, size_t size);
// With status 1000, "normal closure".
std::string WebSocketClose();
// What the handshake answers to Sec-WebSocket-Key.
std::string WebSocketAccept(std::string_view key);

}  // namespace davit
