// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/spdy_frames.h"

#include <algorithm>

#include "streaming/big_endian.h"

namespace davit::streaming {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr uint16_t kVersion = 3;
constexpr uint8_t kFin = 1;

enum Type : uint16_t { kSynStream = 1, kSynReply = 2, kRstStream = 3, kPing = 6, kGoAway = 7, kHeaders = 8 };

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidArgument, "read SPDY frame", "client", what);
}

uint32_t Number(std::string_view payload, size_t at) {
  return static_cast<uint32_t>(ReadBig(payload.substr(at, 4)));
}

std::string ControlFrame(uint16_t type, std::string_view payload) {
  std::string frame;
  frame.reserve(kHeaderBytes + payload.size());
  AppendBig16(frame, 0x8000 | kVersion);
  AppendBig16(frame, type);
  AppendBig32(frame, static_cast<uint32_t>(payload.size()));
  return frame.append(payload);
}

}  // namespace

Result<> SpdyReader::Consume(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::kHeader:
        if (Gather(bytes, kHeaderBytes)) TRY(BeginFrame());
        break;
      case State::kData:
        TakeData(bytes);
        break;
      case State::kControl:
        if (Gather(bytes, left_)) TRY(TakeControl());
        break;
      case State::kSkip: {
        size_t skipped = std::min(left_, bytes.size());
        bytes.remove_prefix(skipped);
        left_ -= skipped;
        if (left_ == 0) state_ = State::kHeader;
      }
    }
  }
  return {};
}

bool SpdyReader::Gather(std::string_view& bytes, size_t wanted) {
  size_t taken = std::min(wanted - buffer_.size(), bytes.size());
  buffer_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  return buffer_.size() == wanted;
}

Result<> SpdyReader::BeginFrame() {
  uint32_t first = Number(buffer_, 0);
  uint32_t second = Number(buffer_, 4);
  buffer_.clear();
  flags_ = static_cast<uint8_t>(second >> 24);
  left_ = second & 0xffffff;
  if ((first & 0x8000'0000) == 0) {
    stream_ = first;
    if (stream_ == 0) return Malformed("data for stream 0");
    state_ = State::kData;
    if (left_ == 0) EndData();
    return {};
  }
  if ((first >> 16 & 0x7fff) != kVersion) return Malformed("not of version 3");
  type_ = static_cast<uint16_t>(first);
  constexpr Type kHeeded[] = {kSynStream, kSynReply, kRstStream, kPing, kGoAway, kHeaders};
  bool heeded = std::ranges::find(kHeeded, type_) != std::end(kHeeded);
  if (heeded && left_ > kMaxControlFrame) return Malformed("a control frame is too long");
  if (heeded && left_ == 0) return Malformed("a control frame is empty");
  if (left_ > 0) state_ = heeded ? State::kControl : State::kSkip;
  return {};
}

void SpdyReader::TakeData(std::string_view& bytes) {
  size_t taken = std::min(left_, bytes.size());
  left_ -= taken;
  std::string_view piece = bytes.substr(0, taken);
  bytes.remove_prefix(taken);
  frames_.OnStreamData(stream_, piece);
  if (left_ == 0) EndData();
}

void SpdyReader::EndData() {
  state_ = State::kHeader;
  if ((flags_ & kFin) != 0) frames_.OnStreamEnd(stream_);
}

Result<> SpdyReader::TakeControl() {
  std::string payload = std::exchange(buffer_, {});
  state_ = State::kHeader;
  return Dispatch(payload);
}

Result<> SpdyReader::Dispatch(std::string_view payload) {
  switch (type_) {
    case kSynStream:
      return OnHeaderFrame(payload, /*fixed=*/10, /*opens=*/true);
    case kHeaders:
      return OnHeaderFrame(payload, /*fixed=*/4, /*opens=*/false);
    case kRstStream:
      if (payload.size() != 8) return Malformed("RST_STREAM has a wrong length");
      frames_.OnStreamReset(Number(payload, 0) & 0x7fff'ffff);
      return {};
    case kPing:
      if (payload.size() != 4) return Malformed("PING has a wrong length");
      frames_.OnPing(Number(payload, 0));
      return {};
    case kGoAway:
      if (payload.size() != 8) return Malformed("GOAWAY has a wrong length");
      frames_.OnGoAway();
      return {};
    default:
      return Malformed("SYN_REPLY, though the server opened no stream");
  }
}

// Headers of streams that nobody knows are inflated as well: the compression is one stream.
Result<> SpdyReader::OnHeaderFrame(std::string_view payload, size_t fixed, bool opens) {
  if (payload.size() < fixed) return Malformed("a frame with headers is too short");
  uint32_t stream = Number(payload, 0) & 0x7fff'ffff;
  SpdyHeaders headers = TRY(headers_.Read(payload.substr(fixed)));
  bool ended = (flags_ & kFin) != 0;
  if (opens) {
    frames_.OnStream(stream, headers, ended);
  } else if (ended) {
    frames_.OnStreamEnd(stream);
  }
  return {};
}

std::string SpdyDataHeader(uint32_t stream, size_t size, bool ends) {
  std::string header;
  AppendBig32(header, stream);
  AppendBig32(header, static_cast<uint32_t>(size) | (ends ? uint32_t{kFin} << 24 : 0));
  return header;
}

std::string SpdyReply(SpdyHeaderWriter& headers, uint32_t stream) {
  std::string payload;
  AppendBig32(payload, stream);
  return ControlFrame(kSynReply, payload.append(headers.Write({})));
}

std::string SpdyResetFrame(uint32_t stream, SpdyReset reason) {
  std::string payload;
  AppendBig32(payload, stream);
  AppendBig32(payload, static_cast<uint32_t>(reason));
  return ControlFrame(kRstStream, payload);
}

std::string SpdyPing(uint32_t id) {
  std::string payload;
  AppendBig32(payload, id);
  return ControlFrame(kPing, payload);
}

std::string SpdyGoAway(uint32_t last_stream) {
  std::string payload;
  AppendBig32(payload, last_stream);
  AppendBig32(payload, 0);
  return ControlFrame(kGoAway, payload);
}

}  // namespace davit::streaming
