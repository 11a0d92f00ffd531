// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An HTTP server on loopback. The test defines its responses, including faulty ones.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace davit::images {

struct FakeRequest {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string Header(const std::string& name) const {
    auto header = headers.find(name);
    return header == headers.end() ? "" : header->second;
  }
};

struct FakeResponse {
  int status = 200;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  int64_t content_length = -1;  // -1: the size of the body
  bool stall = false;  // after the body, send nothing and keep the connection open until the server ends
};

class FakeServer {
 public:
  using Handler = std::function<FakeResponse(const FakeRequest&)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<FakeRequest> requests();

 private:
  void Serve();
  void Answer(int connection);

  Handler handler_;
  UniqueFd listener_;
  int port_ = 0;
  UniqueFd stop_read_;
  UniqueFd stop_write_;  // closed to end all threads
  std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

}  // namespace davit::images
