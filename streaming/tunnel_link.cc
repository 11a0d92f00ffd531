// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/tunnel_link.h"

namespace davit::streaming {

// Also the inner link's way to end the connection, after its GOAWAY.
void TunnelLink::Finish() {
  if (std::exchange(finished_, true)) return;
  inner_.Finish();
  sink_.Write(WebSocketClose(), {});
  sink_.Finish();
}

Result<> TunnelLink::Consume(std::span<char> bytes) {
  TRY(reader_.Consume(bytes));
  return consumed_;
}

void TunnelLink::Write(std::string_view head, std::string_view body) {
  std::string header = WebSocketHeader(WebSocketOpcode::kBinary, head.size() + body.size());
  sink_.Write(header.append(head), body);
}

void TunnelLink::OnMessagePiece(std::string_view piece, bool, bool) {
  if (!consumed_) return;
  // The inner framing only reads, although its interface allows it to write into what it is given.
  consumed_ = inner_.Consume({const_cast<char*>(piece.data()), piece.size()});
}

void TunnelLink::OnPing(std::string_view payload) {
  sink_.Write(WebSocketHeader(WebSocketOpcode::kPong, payload.size()), payload);
}

void TunnelLink::OnClose() {
  session_->OnLost();
  Finish();
}

}  // namespace davit::streaming
