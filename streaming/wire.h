// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One client's connection on the streams' reactor: bytes in, bytes out, and an orderly end.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "streaming/transport.h"

namespace davit {

// Where frames are written to.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void Write(std::string_view head, std::string_view body) = 0;
  // The same with a body that is the next bytes in a pipe. False: this sink cannot, and nothing was written.
  virtual bool WriteFromPipe(std::string_view head, int pipe, size_t bytes) = 0;
  // False: whoever can wait does not write now.
  virtual bool has_room() const = 0;
  // Ends the connection when everything is written.
  virtual void Finish() = 0;
};

// Scratch space that all connections share: they have one thread, and nothing stays in it.
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
    // has_room() again.
    virtual void OnRoom() = 0;
    // The last call: the peer is gone, or both sides have said all. The wire is to be destroyed, but not
    // inside the call.
    virtual void OnLost() = 0;
  };

  // The loop, the buffers and the listener outlive the wire.
  Wire(EventLoop& loop, StreamBuffers& buffers, std::unique_ptr<Transport> transport, Listener& listener);
  ~Wire() override;
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  Result<> Open();

  // What the socket does not take is kept until it does.
  void Write(std::string_view head, std::string_view body) override;
  bool WriteFromPipe(std::string_view head, int pipe, size_t bytes) override;
  bool has_room() const override { return pending_.empty(); }
  // Writes the rest, says that nothing follows, and reads on until the peer says the same: closing a socket
  // with unread bytes would take back what the peer has not read yet (tcp(7): a reset).
  void Finish() override;

  // A peer that sends faster than its bytes find takers is left waiting; so is one that asks for answers, as
  // pings do, and does not read them.
  void SetReading(bool reading);

  bool finishing() const { return finishing_; }
  // When bytes last went through, either way; of a wire that is finishing, when the peer last took some.
  int64_t last_activity_ms() const { return last_activity_ms_; }

 private:
  // More than all who look for room first write at a time.
  static constexpr size_t kMaxUnread = 256 << 10;

  void OnReady(uint32_t events);
  void Receive();
  // False: the peer is gone.
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

}  // namespace davit
