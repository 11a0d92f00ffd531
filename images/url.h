// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// http and https URLs (RFC 3986).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::images {

struct Url {
  std::string text;    // the complete URL
  std::string scheme;  // "http" or "https"
  std::string host;    // without port, lower case
  std::string port;    // set even if it is the default port

  // Scheme, host and port. They decide whether a credential may be sent with a request.
  std::string Origin() const { return scheme + "://" + HostPort(); }
  // The same for what holds for https and plain http alike.
  std::string HostPort() const { return host + ":" + port; }
};

// kInvalidArgument for anything but http and https, and for a URL with a user or password in it. The URL
// itself is never part of the error: its query may contain a signature.
Result<Url> ParseUrl(const std::string& text);

// Resolves the value of a Location header in a response from `base`.
Result<Url> ResolveUrl(const Url& base, const std::string& location);

// True for "localhost" and the addresses 127.0.0.0/8 and ::1, in brackets or not.
bool IsLoopback(std::string_view host);

// Percent-encodes everything but unreserved characters, for a query's values.
std::string EncodeQueryValue(std::string_view text);

}  // namespace davit::images
