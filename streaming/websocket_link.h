// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Channels as WebSocket messages that begin with the channel's number: the protocols "*.channel.k8s.io".
#pragma once

#include <vector>

#include "streaming/channels.h"
#include "streaming/websocket_frames.h"
#include "streaming/wire.h"

namespace davit::streaming {

enum class MessageCoding { kBinary, kBase64 };

class WebSocketLink final : public ChannelLink, private WebSocketFrames {
 public:
  // `can_end`: protocol version 5, in which a message of the byte 255 and a channel's number ends that
  // channel.
  WebSocketLink(ByteSink& sink, MessageCoding coding, bool can_end)
      : sink_(sink), coding_(coding), can_end_(can_end), reader_(*this) {}

  void Serve(ChannelSession& session) override { session_ = &session; }

  // Opens the channels 0, 1, ... for the session: on WebSocket they exist from the beginning. Data for a
  // channel that the session refuses is dropped.
  void OpenChannels(const std::vector<ChannelHeaders>& channels);

  void Send(ChannelId channel, std::string_view data) override;
  bool SendFromPipe(ChannelId channel, int pipe, size_t bytes) override;
  void End(ChannelId) override {}
  void Reset(ChannelId) override {}
  bool has_room() const override { return sink_.has_room(); }
  void Finish() override;
  Result<> Consume(std::span<char> bytes) override;

 private:
  void OnMessagePiece(std::string_view piece, bool begins, bool ends) override;
  void OnPing(std::string_view payload) override;
  void OnClose() override;
  static std::string Header(ChannelId channel, size_t bytes);
  void Deliver(std::string_view data, bool ends);
  void EndChannel(std::string_view number);

  ByteSink& sink_;
  ChannelSession* session_ = nullptr;
  MessageCoding coding_;
  bool can_end_;
  WebSocketReader reader_;
  std::vector<bool> open_;  // by channel
  ChannelId channel_ = 0;   // of the message that is being received
  bool is_end_ = false;     // that message ends a channel
  std::string undecoded_;   // base64 is decoded in groups of four
  bool failed_ = false;
};

}  // namespace davit::streaming
