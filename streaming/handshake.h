// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// From a client's request to the protocol that it is served with.
#pragma once

#include <string>

#include "base/error.h"
#include "streaming/http_request.h"
#include "streaming/order.h"

namespace davit {

enum class Framing { kSpdy, kWebSocket, kWebSocketBase64, kSpdyInWebSocket };

struct Handshake {
  Framing framing = Framing::kSpdy;
  // Of exec and attach: 1 to 5, "channel.k8s.io" to "v5.channel.k8s.io".
  int version = 0;
  std::string response;  // 101 Switching Protocols
};

// The error's text is the whole HTTP answer that refuses the request.
std::expected<Handshake, std::string> Negotiate(const HttpRequest& request, const StreamOrder& order);

}  // namespace davit
