// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "tests/e2e/stream_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <stdexcept>

#include "base/error.h"

namespace davit::e2e {
namespace {

constexpr timeval kPatience{20, 0};

UniqueFd Connect(const std::string& host, int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1 ||
      connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    throw std::runtime_error("connect " + host + ":" + std::to_string(port) + ": " + ErrnoText(errno));
  return fd;
}

}  // namespace

StreamClient::StreamClient(const std::string& url, const std::string& protocol) {
  size_t host = url.find("//") + 2;
  size_t port = url.find(':', host) + 1;
  socket_ = Connect(url.substr(host, port - 1 - host), std::stoi(url.substr(port)));
  std::string request = "GET " + url.substr(url.find('/', port)) +
                        " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Protocol: " +
                        protocol + "\r\n\r\n";
  send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string head = ReadUntil("\r\n\r\n");
  if (head.starts_with("HTTP/1.1 ")) status_ = std::stoi(head.substr(9));
}

std::string StreamClient::ReadUntil(const std::string& text) {
  std::string bytes;
  char byte;  // one by one: what follows is the next call's
  while (!bytes.ends_with(text) && recv(socket_.get(), &byte, 1, 0) == 1) bytes += byte;
  return bytes;
}

}  // namespace davit::e2e
