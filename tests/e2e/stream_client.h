// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A minimal WebSocket client of exec, attach and port-forward for the tests.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace davit::e2e {

class StreamClient {
 public:
  // Connects to a URL that the daemon has returned, and requests `protocol`. Throws if the connection fails.
  StreamClient(const std::string& url, const std::string& protocol);

  // The HTTP status of the answer: 101 if the stream is open, 0 if there was no answer.
  int status() const { return status_; }
  // Returns what the server sends until that contains `text`, or everything until the server closes.
  std::string ReadUntil(const std::string& text);

 private:
  UniqueFd socket_;
  int status_ = 0;
};

}  // namespace davit::e2e
