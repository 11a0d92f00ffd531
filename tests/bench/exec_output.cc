// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/bench/exec_output.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "base/file_io.h"
#include "streaming/big_endian.h"
#include "streaming/testing/client_frames.h"

namespace davit::bench {
namespace {

constexpr uint32_t kErrorStream = 1;
constexpr uint32_t kOutputStream = 3;
constexpr char kOutputChannel = 1;

// What a frame's header says.
struct FrameStart {
  uint64_t payload = 0;  // bytes behind the header
  bool is_output = false;
  bool is_last = false;  // the server's goodbye
};

size_t WebSocketHeaderSize(std::string_view header) {
  if (header.size() < 2) return 2;
  return 2 + (header[1] == 126 ? 2 : header[1] == 127 ? 8 : 0) + 1;  // the last one is the channel's number
}

FrameStart ReadWebSocketHeader(std::string_view header) {
  constexpr int kClose = 8;
  auto length = static_cast<uint64_t>(header[1]);
  if (header.size() > 3) length = streaming::ReadBig(header.substr(2, header.size() - 3));
  return {length - 1, header.back() == kOutputChannel, (header[0] & 0x0f) == kClose};
}

FrameStart ReadSpdyHeader(std::string_view header) {
  constexpr uint32_t kGoAway = 0x8003'0007;
  auto first = static_cast<uint32_t>(streaming::ReadBig(header.substr(0, 4)));
  return {streaming::ReadBig(header.substr(5)), first == kOutputStream, first == kGoAway};
}

// Adds up the payloads of one channel.
class Counter {
 public:
  explicit Counter(ExecProtocol protocol) : protocol_(protocol) {}

  // False when the server has said goodbye.
  bool Consume(std::string_view bytes) {
    while (!bytes.empty()) {
      if (frame_.payload > 0) {
        uint64_t taken = std::min<uint64_t>(frame_.payload, bytes.size());
        if (frame_.is_output) count_ += taken;
        frame_.payload -= taken;
        bytes.remove_prefix(taken);
        continue;
      }
      header_ += bytes.front();
      bytes.remove_prefix(1);
      if (header_.size() < HeaderSize()) continue;
      frame_ = protocol_ == ExecProtocol::kSpdy ? ReadSpdyHeader(header_) : ReadWebSocketHeader(header_);
      header_.clear();
      if (frame_.is_last) return false;
    }
    return true;
  }
  uint64_t count() const { return count_; }

 private:
  size_t HeaderSize() const { return protocol_ == ExecProtocol::kSpdy ? 8 : WebSocketHeaderSize(header_); }

  const ExecProtocol protocol_;
  std::string header_;
  FrameStart frame_;
  uint64_t count_ = 0;
};

UniqueFd Connect(const std::string& url) {
  size_t port = url.find(':', url.find("//")) + 1;
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(port))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    throw std::runtime_error("connect " + url + ": " + ErrnoText(errno));
  return fd;
}

void Send(const UniqueFd& socket, const std::string& bytes) {
  if (auto sent = WriteAll(socket.get(), bytes, "the stream"); !sent)
    throw std::runtime_error(sent.error().ToString());
}

void Upgrade(const UniqueFd& socket, const std::string& path, const std::string& method,
             const std::string& headers) {
  Send(socket,
       method + " " + path + " HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\n" + headers + "\r\n");
  std::string head;
  for (char byte; !head.ends_with("\r\n\r\n") && recv(socket.get(), &byte, 1, 0) == 1;) head += byte;
  if (!head.starts_with("HTTP/1.1 101 ")) throw std::runtime_error("refused: " + head);
}

void Begin(const UniqueFd& socket, const std::string& path, ExecProtocol protocol) {
  if (protocol == ExecProtocol::kWebSocket) {
    return Upgrade(socket, path, "GET",
                   "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n");
  }
  Upgrade(socket, path, "POST", "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n");
  streaming::SpdyClientFrames frames;
  Send(socket, frames.Open(kErrorStream, {{"streamtype", "error"}}));
  Send(socket, frames.Open(kOutputStream, {{"streamtype", "stdout"}}));
}

}  // namespace

uint64_t CountExecOutput(const std::string& url, ExecProtocol protocol) {
  constexpr size_t kBuffer = 1 << 20;
  UniqueFd socket = Connect(url);
  Begin(socket, url.substr(url.find('/', url.find("//") + 2)), protocol);
  auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
  Counter counter(protocol);
  ssize_t n = 0;
  while ((n = recv(socket.get(), buffer.get(), kBuffer, 0)) > 0) {
    if (!counter.Consume({buffer.get(), static_cast<size_t>(n)})) break;
  }
  return counter.count();
}

}  // namespace davit::bench
