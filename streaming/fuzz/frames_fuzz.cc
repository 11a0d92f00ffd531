// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a client's SPDY frames, WebSocket frames and request. The first byte chooses, the second says
// where the rest is cut in two: what is told must not depend on that.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "streaming/http_request.h"
#include "streaming/spdy_frames.h"
#include "streaming/websocket_frames.h"
#include "streaming/window_size.h"

namespace davit::streaming {
namespace {

struct SpdyLog final : SpdyFrames {
  void OnStream(uint32_t stream, const SpdyHeaders& headers, bool ended) override {
    Add('s', stream);
    for (const auto& [name, value] : headers) told += name + value;
    told += ended ? 'e' : '-';
  }
  void OnStreamData(uint32_t, std::string_view piece) override { told += piece; }
  void OnStreamEnd(uint32_t stream) override { Add('e', stream); }
  void OnStreamReset(uint32_t stream) override { Add('r', stream); }
  void OnPing(uint32_t id) override { Add('p', id); }
  void OnGoAway() override { told += 'g'; }
  void Add(char kind, uint32_t number) { told += kind + std::to_string(number); }
  std::string told;
};

struct WebSocketLog final : WebSocketFrames {
  void OnMessagePiece(std::string_view piece, bool, bool ends) override {
    told += piece;
    if (ends) told += 'e';
  }
  void OnPing(std::string_view payload) override { told += payload; }
  void OnClose() override { told += 'c'; }
  std::string told;
};

template <typename Reader, typename Log>
void ReadBothWays(const std::string& bytes, size_t cut) {
  Log whole;
  std::string copy = bytes;
  bool read = Reader(whole).Consume(copy).has_value();
  Log parts;
  Reader reader(parts);
  std::string head = bytes.substr(0, cut);
  std::string tail = bytes.substr(head.size());
  bool read_parts = reader.Consume(head) && reader.Consume(tail);
  if (read != read_parts || (read && whole.told != parts.told)) std::abort();
}

void Read(unsigned kind, size_t cut, const std::string& bytes) {
  switch (kind % 4) {
    case 0:
      return ReadBothWays<SpdyReader, SpdyLog>(bytes, cut);
    case 1:
      return ReadBothWays<WebSocketReader, WebSocketLog>(bytes, cut);
    case 2:
      return (void)ParseHttpRequest(bytes);
    default:
      return (void)WindowSizeReader().Consume(bytes);
  }
}

}  // namespace
}  // namespace davit::streaming

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  davit::streaming::Read(data[0], data[1], {reinterpret_cast<const char*>(data) + 2, size - 2});
  return 0;
}
