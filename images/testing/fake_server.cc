// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/fake_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace davit::images {
namespace {

// False when the server is to end first.
bool WaitReadable(int fd, int stop) {
  pollfd entries[2] = {{fd, POLLIN, 0}, {stop, 0, 0}};
  while (poll(entries, 2, -1) < 0) {
  }
  return entries[1].revents == 0;
}

FakeRequest ParseHead(const std::string& head) {
  FakeRequest request;
  size_t space = head.find(' ');
  request.method = head.substr(0, space);
  request.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
  for (size_t pos = head.find("\r\n") + 2; pos < head.size();) {
    size_t end = std::min(head.find("\r\n", pos), head.size());
    std::string line = head.substr(pos, end - pos);
    pos = end + 2;
    size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    request.headers[name] = line.substr(colon + 2);
  }
  return request;
}

}  // namespace

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) throw std::runtime_error("pipe2");
  stop_read_ = UniqueFd(fds[0]);
  stop_write_ = UniqueFd(fds[1]);
  listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) < 0 ||
      listen(listener_.get(), 64) < 0 ||
      getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0) {
    throw std::runtime_error("listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Serve(); });
}

FakeServer::~FakeServer() {
  stop_write_.Reset();
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

std::vector<FakeRequest> FakeServer::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

void FakeServer::Serve() {
  while (WaitReadable(listener_.get(), stop_read_.get())) {
    int connection = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (connection >= 0) connections_.emplace_back([this, connection] { Answer(connection); });
  }
}

void FakeServer::Answer(int raw) {
  UniqueFd connection(raw);
  std::string text;
  auto more = [&] {
    char buffer[4096];
    if (!WaitReadable(connection.get(), stop_read_.get())) return false;
    ssize_t size = recv(connection.get(), buffer, sizeof buffer, 0);
    if (size > 0) text.append(buffer, static_cast<size_t>(size));
    return size > 0;
  };
  size_t head_end;
  while ((head_end = text.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return;
    if (text[0] == 0x16) {  // a TLS handshake: answered as Go's servers do
      constexpr std::string_view kNoTls = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request";
      (void)send(connection.get(), kNoTls.data(), kNoTls.size(), MSG_NOSIGNAL);
      return;
    }
  }
  FakeRequest request = ParseHead(text.substr(0, head_end));
  std::string length = request.Header("content-length");
  size_t wanted = length.empty() ? 0 : std::stoul(length);
  while (text.size() < head_end + 4 + wanted) {
    if (!more()) return;
  }
  request.body = text.substr(head_end + 4);
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  FakeResponse response = handler_(request);
  std::string answer = "HTTP/1.1 " + std::to_string(response.status) + " x\r\nConnection: close\r\n";
  for (const std::string& header : response.headers) answer += header + "\r\n";
  int64_t announced =
      response.content_length >= 0 ? response.content_length : static_cast<int64_t>(response.body.size());
  answer += "Content-Length: " + std::to_string(announced) + "\r\n\r\n" + response.body;
  for (size_t sent = 0; sent < answer.size();) {
    ssize_t size = send(connection.get(), answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (size <= 0) return;
    sent += static_cast<size_t>(size);
  }
  while (response.stall && more()) {
  }
}

}  // namespace davit::images
