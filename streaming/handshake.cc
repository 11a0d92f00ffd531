// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/handshake.h"

#include <algorithm>
#include <span>

#include "streaming/websocket_frames.h"

namespace davit::streaming {
namespace {

struct Protocol {
  std::string_view name;
  Framing framing;
  int version;
};

constexpr char kVersionHeader[] = "X-Stream-Protocol-Version";

// Version 5, which is 4 and a way to end a channel, exists on WebSocket only: SPDY has its own.
constexpr Protocol kSpdyProcess[] = {{"v4.channel.k8s.io", Framing::kSpdy, 4},
                                     {"v3.channel.k8s.io", Framing::kSpdy, 3},
                                     {"v2.channel.k8s.io", Framing::kSpdy, 2},
                                     {"channel.k8s.io", Framing::kSpdy, 1}};
constexpr Protocol kSpdyForward[] = {{"portforward.k8s.io", Framing::kSpdy, 0}};
constexpr Protocol kWebSocketProcess[] = {{"v5.channel.k8s.io", Framing::kWebSocket, 5},
                                          {"v4.channel.k8s.io", Framing::kWebSocket, 4},
                                          {"v4.base64.channel.k8s.io", Framing::kWebSocketBase64, 4},
                                          {"channel.k8s.io", Framing::kWebSocket, 1},
                                          {"base64.channel.k8s.io", Framing::kWebSocketBase64, 1}};
constexpr Protocol kWebSocketForward[] = {{"SPDY/3.1+portforward.k8s.io", Framing::kSpdyInWebSocket, 0},
                                          {"v4.channel.k8s.io", Framing::kWebSocket, 4},
                                          {"v4.base64.channel.k8s.io", Framing::kWebSocketBase64, 4}};

const Protocol* Choose(const std::vector<std::string>& wanted, std::span<const Protocol> offered) {
  for (const std::string& name : wanted) {
    auto found = std::ranges::find(offered, name, &Protocol::name);
    if (found != offered.end()) return &*found;
  }
  return nullptr;
}

std::expected<Handshake, std::string> NegotiateSpdy(const HttpRequest& request, bool forward) {
  std::span<const Protocol> offered = forward ? std::span<const Protocol>(kSpdyForward) : kSpdyProcess;
  std::vector<std::string> wanted = request.List(kVersionHeader);
  if (wanted.empty()) {
    return std::unexpected(HttpRefusal(400, "the request names no " + std::string(kVersionHeader)));
  }
  const Protocol* chosen = Choose(wanted, offered);
  if (chosen == nullptr) {
    HttpHeaders accepted;
    for (const Protocol& protocol : offered) {
      accepted.emplace_back("X-Accepted-Stream-Protocol-Versions", protocol.name);
    }
    return std::unexpected(HttpRefusal(403, "none of the requested protocols is served here", accepted));
  }
  std::string response = SwitchingProtocols("SPDY/3.1", {{kVersionHeader, std::string(chosen->name)}});
  return Handshake{chosen->framing, chosen->version, std::move(response)};
}

std::expected<Handshake, std::string> NegotiateWebSocket(const HttpRequest& request, bool forward) {
  if (request.method != "GET") return std::unexpected(HttpRefusal(405, "WebSocket begins with GET"));
  std::string_view key = request.Header("Sec-WebSocket-Key");
  if (key.empty()) return std::unexpected(HttpRefusal(400, "the request has no Sec-WebSocket-Key"));
  if (request.Header("Sec-WebSocket-Version") != "13") {
    return std::unexpected(HttpRefusal(426, "only version 13 is served", {{"Sec-WebSocket-Version", "13"}}));
  }
  HttpHeaders headers = {{"Sec-WebSocket-Accept", WebSocketAccept(key)}};
  std::vector<std::string> wanted = request.List("Sec-WebSocket-Protocol");
  // Who names no protocol means the oldest one.
  Protocol chosen{"", Framing::kWebSocket, forward ? 4 : 1};
  if (!wanted.empty()) {
    const Protocol* found =
        Choose(wanted, forward ? std::span<const Protocol>(kWebSocketForward) : kWebSocketProcess);
    if (found == nullptr) {
      return std::unexpected(HttpRefusal(403, "none of the requested protocols is served here"));
    }
    chosen = *found;
    headers.emplace_back("Sec-WebSocket-Protocol", chosen.name);
  }
  return Handshake{chosen.framing, chosen.version, SwitchingProtocols("websocket", headers)};
}

}  // namespace

std::expected<Handshake, std::string> Negotiate(const HttpRequest& request, const StreamOrder& order) {
  bool forward = std::holds_alternative<ForwardOrder>(order);
  if (request.Lists("Connection", "Upgrade")) {
    if (request.Lists("Upgrade", "websocket")) return NegotiateWebSocket(request, forward);
    if (request.Lists("Upgrade", "SPDY/3.1")) return NegotiateSpdy(request, forward);
  }
  return std::unexpected(HttpRefusal(400, "this is served by upgrading to SPDY/3.1 or websocket only"));
}

}  // namespace davit::streaming
