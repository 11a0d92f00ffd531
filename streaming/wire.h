// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One client's connection on the reactor of the streams: reads bytes, writes bytes, and closes in good order.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "streaming/transport.h"

namespace davit::streaming {

// Where frames are written to.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void Write(std::string_view head, std::string_view body) = 0;
  // The same with the next bytes in a pipe as the body. Returns false, and writes nothing, if the sink cannot
  // do this.
  virtual bool WriteFromPipe(std::string_view head, int pipe, size_t bytes) = 0;
  // Returns false if the send buffer is full; wait for OnRoom().
  virtual bool has_room() const = 0;
  // Ends the connection after everything is written.
  virtual void Finish() = 0;
};

// Scratch space that all connections share: they run on one thread, and keep nothing in it.
struct StreamBuffers {
  static constexpr size_t kBytes = 64 << 10;
  std::unique_ptr<char[]> network = std::make_unique_for_overwrite<char[]>(kBytes);
  std::unique_ptr<char[]> process = std::make_unique_for_overwrite<char[]>(kBytes);
};

class Wire final : public ByteSink {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void OnBytes(std::span<char> bytes) = 0;
    // has_room() has become true.
    virtual void OnRoom() = 0;
    // The last call: the peer has disconnected, or both sides have ended. The wire must be destroyed, but not
    // inside the call.
    virtual void OnLost() = 0;
  };

  // The loop, the buffers and the listener outlive the wire.
  Wire(EventLoop& loop, StreamBuffers& buffers, std::unique_ptr<Transport> transport, Listener& listener);
  ~Wire() override;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  Result<> Open();

  // Bytes that the socket does not take are buffered.
  void Write(std::string_view head, std::string_view body) override;
  bool WriteFromPipe(std::string_view head, int pipe, size_t bytes) override;
  bool has_room() const override { return pending_.empty(); }
  // Writes the rest, ends our direction, and reads until the peer ends its own. Closing a socket with unread
  // bytes would send a reset, and the peer would lose what it has not read yet (tcp(7)).
  void Finish() override;

  // Stops or resumes reading, so that a peer that sends too fast has to wait. Reading also stops while a peer
  // does not read the answers to its own frames (pings).
  void SetReading(bool reading);

  bool finishing() const { return finishing_; }
  // When bytes were last sent or received; while finishing, when the peer last took bytes.
  int64_t last_activity_ms() const { return last_activity_ms_; }

 private:
  // Reading stops above this number of unsent bytes. Writers that check has_room() buffer less than this at a
  // time.
  static constexpr size_t kMaxUnread = 256 << 10;

  void OnReady(uint32_t events);
  void Receive();
  // Returns false if the peer has disconnected.
  bool Flush();
  void KeepFromPipe(int pipe, size_t bytes);
  void UpdateEvents();
  bool reads() const { return reading_ && pending_.size() - written_ <= kMaxUnread; }
  void Lose();

  EventLoop& loop_;
  StreamBuffers& buffers_;
  std::unique_ptr<Transport> transport_;
  Listener& listener_;
  std::string pending_;
  size_t written_ = 0;  // of pending_
  uint32_t events_ = 0;
  int64_t last_activity_ms_;
  bool reading_ = true;
  bool finishing_ = false;
  bool ended_writing_ = false;
  bool lost_ = false;
};

}  // namespace davit::streaming
