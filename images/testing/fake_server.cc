// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/fake_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "images/testing/loopback.h"

namespace davit::images {
namespace {

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

FakeResponse ServeRange(FakeResponse response, const FakeRequest& request) {
  constexpr std::string_view kPrefix = "bytes=";
  std::string range = request.Header("range");
  if (!range.starts_with(kPrefix) || response.status != 200) return response;
  size_t first = std::stoul(range.substr(kPrefix.size()));
  if (first >= response.body.size()) {
    response.status = 416;
    response.body.clear();
    return response;
  }
  std::string size = std::to_string(response.body.size());
  std::string last = std::to_string(response.body.size() - 1);
  response.status = 206;
  response.headers.push_back("Content-Range: bytes " + std::to_string(first) + "-" + last + "/" + size);
  response.body.erase(0, first);
  return response;
}

FakeServer::FakeServer(Handler handler)
    : handler_(std::move(handler)), service_([this](const UniqueFd& connection) { Answer(connection); }) {}

std::vector<FakeRequest> FakeServer::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

void FakeServer::Answer(const UniqueFd& connection) {
  std::string text;
  auto more = [&] {
    char buffer[4096];
    if (!WaitReadable(connection.get(), service_.stop())) return false;
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
  if (response.cut_after >= 0)
    answer.resize(std::min(answer.size(), static_cast<size_t>(response.cut_after)));
  if (!SendAll(connection.get(), answer.data(), answer.size())) return;
  while (response.stall && more()) {
  }
  if (response.reset) ResetOnClose(connection.get());
}

}  // namespace davit::images
