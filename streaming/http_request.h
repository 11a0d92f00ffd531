// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The HTTP/1.1 request that opens a streaming connection, and the answers to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace davit::streaming {

constexpr size_t kMaxRequestHead = 16 << 10;

struct HttpRequest {
  std::string method;
  std::string target;  // path and query
  std::vector<std::pair<std::string, std::string>> headers;

  // The value of the first header of this name, in any case; empty if there is none.
  std::string_view Header(std::string_view name) const;
  // The comma-separated values of all headers of this name.
  std::vector<std::string> List(std::string_view name) const;
  // Whether List(name) has `value`, in any case.
  bool Lists(std::string_view name, std::string_view value) const;
};

// A request and the length of its head. ParseHttpRequest returns nullopt while the head is not complete.
struct ParsedRequest {
  HttpRequest request;
  size_t head_bytes = 0;
};
Result<std::optional<ParsedRequest>> ParseHttpRequest(std::string_view bytes);

// Whether the last `added` bytes of `bytes` may complete a head, or make it too long. Takes no longer than
// they are: a client without a token that sends its head byte by byte must not have it parsed every time.
bool MayCompleteHead(std::string_view bytes, size_t added);

using HttpHeaders = std::vector<std::pair<std::string_view, std::string>>;

// "HTTP/1.1 101 Switching Protocols", with an Upgrade to `protocol`.
std::string SwitchingProtocols(std::string_view protocol, const HttpHeaders& headers);
// A refusal with a text for humans, after which the connection is closed.
std::string HttpRefusal(int status, std::string_view text, const HttpHeaders& headers = {});

}  // namespace davit::streaming
