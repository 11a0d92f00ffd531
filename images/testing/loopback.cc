// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/loopback.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace davit::images {
namespace {

sockaddr_in LoopbackAddress(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// Sets `port` to a free one.
UniqueFd ListenOnLoopback(int& port) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = LoopbackAddress(0);
  socklen_t size = sizeof address;
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) < 0 ||
      listen(listener.get(), 64) < 0 ||
      getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0) {
    throw std::runtime_error("listen on loopback");
  }
  port = ntohs(address.sin_port);
  return listener;
}

}  // namespace

LoopbackService::LoopbackService(Serve serve) : serve_(std::move(serve)) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) throw std::runtime_error("pipe2");
  stop_read_ = UniqueFd(fds[0]);
  stop_write_ = UniqueFd(fds[1]);
  listener_ = ListenOnLoopback(port_);
  acceptor_ = std::thread([this] { Accept(); });
}

LoopbackService::~LoopbackService() {
  stop_write_.Reset();
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void LoopbackService::Accept() {
  while (WaitReadable(listener_.get(), stop())) {
    int connection = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) connections_.emplace_back([this, connection] { serve_(UniqueFd(connection)); });
  }
}

UniqueFd ConnectToLoopback(int port) {
  UniqueFd connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = LoopbackAddress(port);
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    connection.Reset();
  return connection;
}

bool WaitReadable(int fd, int stop) {
  pollfd entries[2] = {{fd, POLLIN, 0}, {stop, 0, 0}};
  while (poll(entries, 2, -1) < 0) {
  }
  return entries[1].revents == 0;
}

void ResetOnClose(int fd) {
  linger now{1, 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool SendAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

}  // namespace davit::images
