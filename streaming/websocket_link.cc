// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/websocket_link.h"

#include "base/base64.h"

namespace davit::streaming {
namespace {
constexpr uint8_t kEndOfChannel = 255;
}

void WebSocketLink::OpenChannels(const std::vector<ChannelHeaders>& channels) {
  open_.resize(channels.size());
  for (ChannelId i = 0; i < channels.size(); ++i) open_[i] = session_->OnChannel(i, channels[i]);
}

void WebSocketLink::Send(ChannelId channel, std::string_view data) {
  if (coding_ == MessageCoding::kBase64) {
    std::string text = static_cast<char>('0' + channel) + EncodeBase64(data);
    return sink_.Write(WebSocketHeader(WebSocketOpcode::kText, text.size()), text);
  }
  sink_.Write(Header(channel, data.size()), data);
}

bool WebSocketLink::SendFromPipe(ChannelId channel, int pipe, size_t bytes) {
  return coding_ == MessageCoding::kBinary && sink_.WriteFromPipe(Header(channel, bytes), pipe, bytes);
}

std::string WebSocketLink::Header(ChannelId channel, size_t bytes) {
  return WebSocketHeader(WebSocketOpcode::kBinary, bytes + 1) + static_cast<char>(channel);
}

void WebSocketLink::Finish() {
  sink_.Write(WebSocketClose(), {});
  sink_.Finish();
}

Result<> WebSocketLink::Consume(std::span<char> bytes) {
  TRY(reader_.Consume(bytes));
  if (failed_) return Fail(Code::kInvalidArgument, "read WebSocket message", "client", "malformed");
  return {};
}

void WebSocketLink::OnMessagePiece(std::string_view piece, bool begins, bool ends) {
  if (begins) {
    if (piece.empty()) return;
    auto first = static_cast<uint8_t>(piece.front());
    is_end_ = can_end_ && first == kEndOfChannel;
    channel_ = coding_ == MessageCoding::kBase64 ? static_cast<uint8_t>(first - '0') : first;
    undecoded_.clear();
    piece.remove_prefix(1);
  }
  if (is_end_)
    EndChannel(piece);
  else
    Deliver(piece, ends);
}

// Messages for a channel that is not there are dropped: a client may send a window's size without a terminal.
void WebSocketLink::Deliver(std::string_view data, bool ends) {
  if (channel_ >= open_.size() || !open_[channel_]) return;
  if (coding_ == MessageCoding::kBinary) {
    if (!data.empty()) session_->OnData(channel_, data);
    return;
  }
  undecoded_ += data;
  size_t whole = ends ? undecoded_.size() : undecoded_.size() / 4 * 4;
  std::optional<std::string> decoded = DecodeBase64(std::string_view(undecoded_).substr(0, whole));
  undecoded_.erase(0, whole);
  if (!decoded)
    failed_ = true;
  else if (!decoded->empty())
    session_->OnData(channel_, *decoded);
}

void WebSocketLink::EndChannel(std::string_view number) {
  if (number.empty()) return;
  auto channel = static_cast<uint8_t>(number.front());
  if (number.size() > 1 || channel >= open_.size()) {
    failed_ = true;
  } else if (open_[channel]) {
    open_[channel] = false;
    session_->OnEnd(channel);
  }
}

void WebSocketLink::OnPing(std::string_view payload) {
  sink_.Write(WebSocketHeader(WebSocketOpcode::kPong, payload.size()), payload);
}

void WebSocketLink::OnClose() {
  session_->OnLost();
  Finish();
}

}  // namespace davit::streaming
