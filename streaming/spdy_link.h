// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Channels as streams of SPDY/3.1.
#pragma once

#include <unordered_map>

#include "streaming/channels.h"
#include "streaming/spdy_frames.h"
#include "streaming/wire.h"

namespace davit::streaming {

class SpdyLink final : public ChannelLink, private SpdyFrames {
 public:
  // The most open streams; further ones are refused.
  static constexpr size_t kMaxStreams = 1024;

  explicit SpdyLink(ByteSink& sink) : sink_(sink), reader_(*this) {}

  void Serve(ChannelSession& session) override { session_ = &session; }

  void Send(ChannelId channel, std::string_view data) override;
  bool SendFromPipe(ChannelId channel, int pipe, size_t bytes) override;
  void End(ChannelId channel) override;
  void Reset(ChannelId channel) override;
  bool has_room() const override { return sink_.has_room(); }
  void Finish() override;
  Result<> Consume(std::span<char> bytes) override;

 private:
  struct Stream {
    bool client_ended = false;
    bool we_ended = false;
  };

  void OnStream(uint32_t stream, const SpdyHeaders& headers, bool ended) override;
  void OnStreamData(uint32_t stream, std::string_view piece) override;
  void OnStreamEnd(uint32_t stream) override;
  void OnStreamReset(uint32_t stream) override;
  void OnPing(uint32_t id) override;
  void OnGoAway() override;
  void Write(const std::string& frame) { sink_.Write(frame, {}); }
  void ForgetIfEnded(uint32_t stream);

  ByteSink& sink_;
  ChannelSession* session_ = nullptr;
  SpdyReader reader_;
  SpdyHeaderWriter header_writer_;
  std::unordered_map<uint32_t, Stream> streams_;
  uint32_t last_stream_ = 0;
};

}  // namespace davit::streaming
