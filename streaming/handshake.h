// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Negotiates the protocol for a client's request.
#pragma once

#include <string>

#include "base/error.h"
#include "streaming/http_request.h"
#include "streaming/order.h"

namespace davit::streaming {

enum class Framing { kSpdy, kWebSocket, kWebSocketBase64, kSpdyInWebSocket };

struct Handshake {
  Framing framing = Framing::kSpdy;
  // For exec and attach: 1 to 5, "channel.k8s.io" to "v5.channel.k8s.io". For port-forward: 4 on WebSocket, 0
  // for SPDY/3.1.
  int version = 0;
  std::string response;  // 101 Switching Protocols
};

// On an error, the text is the complete HTTP answer that refuses the request.
std::expected<Handshake, std::string> Negotiate(const HttpRequest& request, const StreamOrder& order);

}  // namespace davit::streaming
