// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/testing/transfer.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

namespace davit::cni {
namespace {

constexpr timeval kBound = {10, 0};
constexpr size_t kPiece = 16384;

UniqueFd Connect(const NetNs& client, const IpAddress& address, uint16_t port) {
  UniqueFd fd;
  client.Run([&] {
    fd.Reset(socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kBound, sizeof kBound);
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    v4.sin_port = v6.sin6_port = htons(port);
    memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
    bool ipv4 = address.family == AF_INET;
    const auto* target = ipv4 ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
    EXPECT_EQ(connect(fd.get(), target, ipv4 ? sizeof v4 : sizeof v6), 0);
  });
  return fd;
}

size_t ReceiveAll(int fd) {
  std::vector<char> buffer(kPiece);
  size_t received = 0;
  for (ssize_t n = 0; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
    received += static_cast<size_t>(n);
  return received;
}

}  // namespace

double SecondsToSend(const NetNs& client, const Endpoint& server, const std::string& address, size_t bytes) {
  UniqueFd sender = Connect(client, Ip(address), server.port);
  UniqueFd receiver(accept4(server.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
  setsockopt(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, &kBound, sizeof kBound);
  auto start = std::chrono::steady_clock::now();
  std::thread sending([&] {
    std::vector<char> piece(kPiece, 'x');
    for (size_t left = bytes; left > 0;) {
      ssize_t sent = send(sender.get(), piece.data(), std::min(left, piece.size()), MSG_NOSIGNAL);
      if (sent <= 0) break;
      left -= static_cast<size_t>(sent);
    }
    shutdown(sender.get(), SHUT_WR);
  });
  size_t received = ReceiveAll(receiver.get());
  sending.join();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return received == bytes ? took.count() : -1;
}

bool IsEverFasterThan(double seconds, const std::function<double()>& transfer) {
  constexpr int kAttempts = 10;
  for (int attempt = 0; attempt < kAttempts; ++attempt)
    if (double took = transfer(); took >= 0 && took < seconds) return true;
  return false;
}

}  // namespace davit::cni
