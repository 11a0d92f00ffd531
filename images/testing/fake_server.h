// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// An HTTP server on loopback. The test defines its responses, including faulty ones.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "images/testing/loopback.h"

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

  std::string host() const { return service_.host(); }
  std::vector<FakeRequest> requests();

 private:
  void Answer(const UniqueFd& connection);

  Handler handler_;
  std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  LoopbackService service_;  // last member, because its threads use the others
};

}  // namespace davit::images
