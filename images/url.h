// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// http and https URLs (RFC 3986).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

struct Url {
  std::string text;    // the whole
  std::string scheme;  // "http" or "https"
  std::string host;    // without port, lower case
  std::string port;    // also when it is the default one

  // What decides whether a credential may go along: scheme, host and port.
  std::string Origin() const { return scheme + "://" + host + ":" + port; }
};

// kInvalidArgument for anything but http and https, and for a URL with a user or password in it. The URL
// itself is never part of the error: its query may be a signature.
Result<Url> ParseUrl(const std::string& text);

// What a Location header means in an answer from `base`.
Result<Url> ResolveUrl(const Url& base, const std::string& location);

// Percent-encodes everything but unreserved characters, for a query's values.
std::string EncodeQueryValue(std::string_view text);

}  // namespace davit
