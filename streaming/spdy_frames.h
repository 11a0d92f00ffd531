// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Frames of SPDY/3.1, as Kubernetes uses it: no flow control, no pushes, no settings.
// (SPDY Protocol draft 3.1, section 2.2.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "streaming/spdy_headers.h"

namespace davit::streaming {

// Callbacks of SpdyReader, in the order of the bytes.
class SpdyFrames {
 public:
  virtual ~SpdyFrames() = default;
  // SYN_STREAM; `ended`: the client will send no data on it.
  virtual void OnStream(uint32_t stream, const SpdyHeaders& headers, bool ended) = 0;
  // A piece of a data frame, as it is received.
  virtual void OnStreamData(uint32_t stream, std::string_view piece) = 0;
  virtual void OnStreamEnd(uint32_t stream) = 0;
  virtual void OnStreamReset(uint32_t stream) = 0;
  virtual void OnPing(uint32_t id) = 0;
  virtual void OnGoAway() = 0;
};

// Reads a client's frames from bytes that may be split anywhere; buffers at most one control frame. Frames
// that a server ignores (SETTINGS, WINDOW_UPDATE, unknown types) are skipped.
class SpdyReader {
 public:
  static constexpr size_t kMaxControlFrame = 64 << 10;

  explicit SpdyReader(SpdyFrames& frames) : frames_(frames) {}

  // After an error the connection must be closed.
  Result<> Consume(std::string_view bytes);

 private:
  // Fills buffer_ up to `wanted` bytes; returns true when it has them.
  bool Gather(std::string_view& bytes, size_t wanted);
  Result<> BeginFrame();
  void TakeData(std::string_view& bytes);
  void EndData();
  Result<> TakeControl();
  Result<> Dispatch(std::string_view payload);
  Result<> OnHeaderFrame(std::string_view payload, size_t fixed, bool opens);

  enum class State { kHeader, kData, kControl, kSkip };

  SpdyFrames& frames_;
  SpdyHeaderReader headers_;
  State state_ = State::kHeader;
  std::string buffer_;
  uint32_t stream_ = 0;  // of a data frame
  uint16_t type_ = 0;    // of a control frame
  uint8_t flags_ = 0;
  size_t left_ = 0;  // of the frame's payload
};

// Frames that the server sends.
enum class SpdyReset : uint32_t { kProtocolError = 1, kInvalidStream = 2, kRefused = 3, kCancel = 5 };
constexpr size_t kMaxSpdyData = (1 << 24) - 1;

// The header of a data frame; `size` bytes follow, at most kMaxSpdyData.
std::string SpdyDataHeader(uint32_t stream, size_t size, bool ends);
std::string SpdyReply(SpdyHeaderWriter& headers, uint32_t stream);
std::string SpdyResetFrame(uint32_t stream, SpdyReset reason);
std::string SpdyPing(uint32_t id);
std::string SpdyGoAway(uint32_t last_stream);

}  // namespace davit::streaming
