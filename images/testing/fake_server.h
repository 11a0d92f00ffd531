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
  bool stall = false;      // after the body, send nothing and keep the connection open until the server ends
  int64_t cut_after = -1;  // close the connection after so many bytes of the answer, head included; -1: never
  bool reset = false;      // close it with a reset, which may discard bytes that are on their way
};

// What a server that knows ranges makes of a 200: a 206 with the rest that the Range header asks for, or a
// 416 if there is none.
FakeResponse ServeRange(FakeResponse response, const FakeRequest& request);

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
