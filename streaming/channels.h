// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Channels: the independent byte streams of one connection, with any framing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::streaming {

using ChannelId = uint32_t;

// What a client specifies when it opens a channel.
struct ChannelHeaders {
  std::string type;  // "error", "stdin", "stdout", "stderr", "resize"; "error" and "data" of a forwarded port
  std::string port;  // of a forwarded port
  std::string request_id;  // the same for the two channels of one forwarded connection
};

class ChannelSession;

// The framing, as a session sees it.
class ChannelLink {
 public:
  virtual ~ChannelLink() = default;

  // Sets the session that receives channels and data. Call it before the first bytes.
  virtual void Serve(ChannelSession& session) = 0;

  virtual void Send(ChannelId channel, std::string_view data) = 0;
  // The same with the next bytes in a pipe. Returns false, and sends nothing, if the framing cannot do this.
  virtual bool SendFromPipe(ChannelId, int /*pipe*/, size_t /*bytes*/) { return false; }
  // Ends our direction of the channel. No-op in a framing that cannot express this.
  virtual void End(ChannelId channel) = 0;
  // Ends both directions of the channel, without an error.
  virtual void Reset(ChannelId channel) = 0;
  // Returns false if the send buffer is full; wait for OnRoom().
  virtual bool has_room() const = 0;
  // Ends the connection in good order after everything is sent.
  virtual void Finish() = 0;

  // Processes bytes from the client. After an error the connection must be closed.
  virtual Result<> Consume(std::span<char> bytes) = 0;
};

// What a connection carries: an exec, an attach or a port-forward.
class ChannelSession {
 public:
  virtual ~ChannelSession() = default;

  // Returns false to refuse the channel.
  virtual bool OnChannel(ChannelId channel, const ChannelHeaders& headers) = 0;
  virtual void OnData(ChannelId channel, std::string_view data) = 0;
  // The client sends no more on it.
  virtual void OnEnd(ChannelId channel) = 0;
  // The client has ended both directions of it.
  virtual void OnReset(ChannelId channel) = 0;
  // The link has_room() again.
  virtual void OnRoom() = 0;
  // The client has disconnected.
  virtual void OnLost() = 0;
  // Called about once a second.
  virtual void OnTick(int64_t now_ms) = 0;

  // Whether more data from the client would have to be buffered.
  virtual bool congested() const = 0;
};

}  // namespace davit::streaming
