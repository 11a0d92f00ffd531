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

namespace davit {

constexpr size_t kMaxRequestHead = 16 << 10;

struct HttpRequest {
  std::string method;
  std::string target;  // path and query
  std::vector<std::pair<std::string, std::string>> headers;

  // The first header of this name, whatever its case; empty when there is none.
  std::string_view Header(std::string_view name) const;
  // Of all headers of this name, the comma-separated values.
  std::vector<std::string> List(std::string_view name) const;
  // One of List's values, whatever its case.
  bool Lists(std::string_view name, std::string_view value) const;
};

// The request whose head `bytes` begin with, and what follows it; nothing while the head is not complete.
struct ParsedRequest {
  HttpRequest request;
  size_t head_bytes = 0;
};
Result<std::optional<ParsedRequest>> ParseHttpRequest(std::string_view bytes);

using HttpHeaders = std::vector<std::pair<std::string_view, std::string>>;

// "HTTP/1.1 101 Switching Protocols", with an Upgrade to `protocol`.
std::string SwitchingProtocols(std::string_view protocol, const HttpHeaders& headers);
// A refusal with a text for people, after which the connection is closed.
std::string HttpRefusal(int status, std::string_view text, const HttpHeaders& headers = {});

}  // namespace davit
