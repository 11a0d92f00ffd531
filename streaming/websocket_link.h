// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Channels as WebSocket messages that begin with the channel's number: the protocols "*.channel.k8s.io".
#pragma once

#include <vector>

#include "streaming/channels.h"
#include "streaming/websocket_frames.h"
#include "streaming/wire.h"

namespace davit {

enum class MessageCoding { kBinary, kBase64 };

class WebSocketLink final : public ChannelLink, private WebSocketFrames {
 public:
  // `can_end`: version 5, where a message of 255 and a channel's number ends that channel.
  WebSocketLink(ByteSink& sink, MessageCoding coding, bool can_end)
      : sink_(sink), coding_(coding), can_end_(can_end), reader_(*this) {}

  void Serve(ChannelSession& session) override { session_ = &session; }

  // Opens the channels 0, 1, ... for the session: on WebSocket they are there from the beginning. What the
  // session refuses is read and dropped.
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
  ChannelId channel_ = 0;   // of the message that is coming in
  bool is_end_ = false;     // it ends a channel
  std::string undecoded_;   // base64 comes in groups of four
  bool failed_ = false;
};

}  // namespace davit
