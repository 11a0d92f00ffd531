// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Minimal HTTP for the tests: one GET as a client, and a server whose answers the test determines.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace davit::e2e {

// The answer to "GET /" with its headers, or "" if there is none within two seconds. `address` is IPv4 or
// IPv6.
std::string HttpGet(const std::string& address, uint16_t port);

// Answers on a port of 127.0.0.1, one connection after the other, until it is destroyed.
class HttpServer {
 public:
  // Receives the request with its headers; returns all bytes of the answer. The connection is closed after
  // it.
  using Handler = std::function<std::string(const std::string& request)>;

  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Serve();

  Handler handler_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

// "HTTP/1.1 STATUS" with a length and a content type.
std::string HttpResponse(const std::string& status, const std::string& content_type, const std::string& body);

}  // namespace davit::e2e
