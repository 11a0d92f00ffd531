// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A client of the stream server, for WebSocket and SPDY.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include "base/unique_fd.h"
#include "streaming/big_endian.h"
#include "streaming/testing/pipes.h"

namespace davit::streaming {

// One connection, with a blocking socket.
class Client {
 public:
  // Connects to the host and port of a URL that the server has issued.
  explicit Client(const std::string& url) {
    size_t host = url.find("//") + 2;
    size_t port = url.find(':', host) + 1;
    path_ = url.substr(url.find('/', port));
    socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(port))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval patience{kPatienceMs / 1000, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  // Sends all bytes, and waits as long as that takes.
  void Send(const std::string& bytes) {
    EXPECT_EQ(send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Returns false if the server does not accept all bytes within `seconds`.
  bool SendWithin(const std::string& bytes, int seconds) {
    timeval patience{seconds, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // Sends a request for the URL's path, at most `piece` bytes at once, and returns the head of the response.
  std::string Ask(const std::string& method, const std::string& headers, size_t piece = SIZE_MAX) {
    std::string request = method + " " + path_ + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n";
    for (size_t at = 0; at < request.size(); at += std::min(piece, request.size() - at))
      Send(request.substr(at, piece));
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      std::string byte = Read(1);
      if (byte.empty()) break;
      head += byte;
    }
    return head;
  }
  // Asks for an upgrade to WebSocket with this subprotocol.
  std::string AskWebSocket(const std::string& protocol) {
    return Ask("GET",
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " +
                   protocol + "\r\n");
  }
  // Asks for an upgrade to SPDY with this version of the stream protocol.
  std::string AskSpdy(const std::string& protocol) {
    return Ask("POST",
               "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: " + protocol + "\r\n");
  }

  // Reads exactly `size` bytes; fewer at the end of the connection and after kPatienceMs without data.
  std::string Read(size_t size) {
    std::string bytes(size, '\0');
    size_t have = 0;
    while (have < size) {
      ssize_t n = recv(socket_.get(), bytes.data() + have, size - have, 0);
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    bytes.resize(have);
    return bytes;
  }
  // The payload of the next WebSocket message; "" if the server closes. Its first byte is the channel.
  std::string ReadMessage() {
    std::string header = Read(2);
    if (header.size() < 2 || (header[0] & 0x0f) == 8) return "";
    size_t size = header[1] & 0x7f;
    if (size == 126) size = ReadBig(Read(2));
    if (size == 127) size = ReadBig(Read(8));
    return Read(size);
  }
  // The data of every channel until the server closes.
  std::map<char, std::string> ReadMessages() {
    std::map<char, std::string> channels;
    for (std::string message = ReadMessage(); !message.empty(); message = ReadMessage()) {
      channels[message[0]] += message.substr(1);
    }
    return channels;
  }
  struct SpdyFrame {
    int type = 0;  // of a control frame; 0: a data frame, -1: the connection has ended
    uint32_t stream = 0;
    bool fin = false;
    std::string payload;
  };
  // The next SPDY frame. The payload of a control frame begins with its first field.
  SpdyFrame ReadSpdy() {
    std::string header = Read(8);
    if (header.size() < 8) return {-1, 0, false, ""};
    auto first = static_cast<uint32_t>(ReadBig(header.substr(0, 4)));
    auto second = static_cast<uint32_t>(ReadBig(header.substr(4)));
    SpdyFrame frame{0, first, (second >> 24 & 1) != 0, Read(second & 0xffffff)};
    if ((first >> 31) != 0) {
      frame.type = static_cast<int>(first & 0xffff);
      frame.stream = static_cast<uint32_t>(ReadBig(frame.payload.substr(0, 4)));
    }
    return frame;
  }
  // The data of every stream until the server sends GOAWAY or closes.
  std::map<uint32_t, std::string> ReadStreams() {
    constexpr int kGoAway = 7;
    std::map<uint32_t, std::string> streams;
    for (SpdyFrame frame = ReadSpdy(); frame.type >= 0 && frame.type != kGoAway; frame = ReadSpdy()) {
      if (frame.type == 0) streams[frame.stream] += frame.payload;
    }
    return streams;
  }
  // Waits and returns whether the server closes the connection; false if it sends data or nothing for
  // kPatienceMs.
  bool IsLeft() {
    char byte;
    return recv(socket_.get(), &byte, 1, 0) == 0;
  }
  void Close() { socket_.Reset(); }

 private:
  std::string path_;
  UniqueFd socket_;
};

}  // namespace davit::streaming
