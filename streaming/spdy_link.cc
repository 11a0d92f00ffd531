// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/spdy_link.h"

namespace davit::streaming {
namespace {

std::string Value(const SpdyHeaders& headers, std::string_view name) {
  auto it = headers.find(name);
  return it == headers.end() ? std::string() : it->second;
}

}  // namespace

void SpdyLink::Send(ChannelId channel, std::string_view data) {
  auto stream = streams_.find(channel);
  if (stream == streams_.end() || stream->second.we_ended) return;
  while (!data.empty()) {
    std::string_view part = data.substr(0, kMaxSpdyData);
    sink_.Write(SpdyDataHeader(channel, part.size(), /*ends=*/false), part);
    data.remove_prefix(part.size());
  }
}

bool SpdyLink::SendFromPipe(ChannelId channel, int pipe, size_t bytes) {
  auto stream = streams_.find(channel);
  if (stream == streams_.end() || stream->second.we_ended || bytes > kMaxSpdyData) return false;
  return sink_.WriteFromPipe(SpdyDataHeader(channel, bytes, /*ends=*/false), pipe, bytes);
}

void SpdyLink::End(ChannelId channel) {
  auto stream = streams_.find(channel);
  if (stream == streams_.end() || std::exchange(stream->second.we_ended, true)) return;
  Write(SpdyDataHeader(channel, 0, /*ends=*/true));
  ForgetIfEnded(channel);
}

void SpdyLink::Reset(ChannelId channel) {
  if (streams_.erase(channel) > 0) Write(SpdyResetFrame(channel, SpdyReset::kCancel));
}

void SpdyLink::Finish() {
  Write(SpdyGoAway(last_stream_));
  sink_.Finish();
}

Result<> SpdyLink::Consume(std::span<char> bytes) {
  return reader_.Consume({bytes.data(), bytes.size()});
}

void SpdyLink::OnStream(uint32_t stream, const SpdyHeaders& headers, bool ended) {
  if (stream % 2 == 0 || stream <= last_stream_) {
    return Write(SpdyResetFrame(stream, SpdyReset::kProtocolError));
  }
  last_stream_ = stream;
  if (streams_.size() >= kMaxStreams) return Write(SpdyResetFrame(stream, SpdyReset::kRefused));
  streams_[stream] = {};
  // The reply comes first: what the session sends on the channel must follow it.
  Write(SpdyReply(header_writer_, stream));
  ChannelHeaders channel{Value(headers, "streamtype"), Value(headers, "port"), Value(headers, "requestid")};
  if (!session_->OnChannel(stream, channel)) return Reset(stream);
  if (ended) OnStreamEnd(stream);
}

void SpdyLink::OnStreamData(uint32_t stream, std::string_view piece) {
  auto it = streams_.find(stream);
  if (it != streams_.end() && !it->second.client_ended) session_->OnData(stream, piece);
}

void SpdyLink::OnStreamEnd(uint32_t stream) {
  auto it = streams_.find(stream);
  if (it == streams_.end() || std::exchange(it->second.client_ended, true)) return;
  session_->OnEnd(stream);
  ForgetIfEnded(stream);
}

void SpdyLink::OnStreamReset(uint32_t stream) {
  if (streams_.erase(stream) > 0) session_->OnReset(stream);
}

// Odd numbers are the client's own; an even one would answer a ping that we never send.
void SpdyLink::OnPing(uint32_t id) {
  if (id % 2 == 1) Write(SpdyPing(id));
}

// The client opens no more streams; those that are open go on until it closes the connection.
void SpdyLink::OnGoAway() {}

void SpdyLink::ForgetIfEnded(uint32_t stream) {
  auto it = streams_.find(stream);
  if (it != streams_.end() && it->second.client_ended && it->second.we_ended) streams_.erase(it);
}

}  // namespace davit::streaming
