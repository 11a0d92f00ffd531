// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A WebSocket client of exec, attach and port-forward, as far as the tests need one.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace davit::e2e {

class StreamClient {
 public:
  // Connects to the server of a URL that the daemon has answered with, and asks for the protocol. Throws
  // when nobody listens there.
  StreamClient(const std::string& url, const std::string& protocol);

  // The status of the answer: 101 when the stream is open, 0 when there was none.
  int status() const { return status_; }
  // What the server sends until its bytes contain `text`, or all of it until it hangs up.
  std::string ReadUntil(const std::string& text);

 private:
  UniqueFd socket_;
  int status_ = 0;
};

}  // namespace davit::e2e
