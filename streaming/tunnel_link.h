// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// SPDY/3.1 in the binary messages of a WebSocket: "SPDY/3.1+portforward.k8s.io".
#pragma once

#include "streaming/spdy_link.h"
#include "streaming/websocket_frames.h"

namespace davit::streaming {

class TunnelLink final : public ChannelLink, private WebSocketFrames, private ByteSink {
 public:
  explicit TunnelLink(ByteSink& sink) : sink_(sink), reader_(*this), inner_(*this) {}

  void Serve(ChannelSession& session) override {
    session_ = &session;
    inner_.Serve(session);
  }

  void Send(ChannelId channel, std::string_view data) override { inner_.Send(channel, data); }
  void End(ChannelId channel) override { inner_.End(channel); }
  void Reset(ChannelId channel) override { inner_.Reset(channel); }
  bool has_room() const override { return sink_.has_room(); }
  void Finish() override;
  Result<> Consume(std::span<char> bytes) override;

 private:
  void Write(std::string_view head, std::string_view body) override;
  bool WriteFromPipe(std::string_view, int, size_t) override { return false; }  // only sockets are forwarded
  void OnMessagePiece(std::string_view piece, bool begins, bool ends) override;
  void OnPing(std::string_view payload) override;
  void OnClose() override;

  ByteSink& sink_;
  ChannelSession* session_ = nullptr;
  WebSocketReader reader_;
  SpdyLink inner_;
  Result<> consumed_;
  bool finished_ = false;
};

}  // namespace davit::streaming
