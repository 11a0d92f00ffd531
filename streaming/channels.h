// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Channels: the independent byte streams of one connection, whatever framing carries them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

using ChannelId = uint32_t;

// What a client says about a channel when it opens it.
struct ChannelHeaders {
  std::string type;  // "error", "stdin", "stdout", "stderr", "resize"; "error" and "data" of a forwarded port
  std::string port;  // of a forwarded port
  std::string request_id;  // joins the two channels of one forwarded connection
};

class ChannelSession;

// The framing, seen from what is carried.
class ChannelLink {
 public:
  virtual ~ChannelLink() = default;

  // Whom channels and data go to; before the first bytes.
  virtual void Serve(ChannelSession& session) = 0;

  virtual void Send(ChannelId channel, std::string_view data) = 0;
  // The same with the next bytes in a pipe. False: this framing cannot, and nothing was sent.
  virtual bool SendFromPipe(ChannelId, int /*pipe*/, size_t /*bytes*/) { return false; }
  // We send no more on it. Framings without such a thing do nothing.
  virtual void End(ChannelId channel) = 0;
  // Nothing more in either direction, for a reason that is none.
  virtual void Reset(ChannelId channel) = 0;
  // False: whoever can wait does not send now.
  virtual bool has_room() const = 0;
  // Ends the connection in good order when everything is sent.
  virtual void Finish() = 0;

  // Bytes from the client; an error loses the connection.
  virtual Result<> Consume(std::span<char> bytes) = 0;
};

// What is carried.
class ChannelSession {
 public:
  virtual ~ChannelSession() = default;

  // False refuses the channel.
  virtual bool OnChannel(ChannelId channel, const ChannelHeaders& headers) = 0;
  virtual void OnData(ChannelId channel, std::string_view data) = 0;
  // The client sends no more on it.
  virtual void OnEnd(ChannelId channel) = 0;
  // The client is through with it in both directions.
  virtual void OnReset(ChannelId channel) = 0;
  // The link has_room() again.
  virtual void OnRoom() = 0;
  // The client is gone.
  virtual void OnLost() = 0;
  // About once a second.
  virtual void OnTick(int64_t now_ms) = 0;

  // More from the client would have to be kept in memory.
  virtual bool congested() const = 0;
};

}  // namespace davit
