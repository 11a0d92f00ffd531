// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace davit::images {
namespace {

using UrlHandle = std::unique_ptr<CURLU, void (*)(CURLU*)>;

Result<std::string> Part(CURLU* handle, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(handle, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) {
    return Fail(Code::kInvalidArgument, "parse", "URL", "malformed");
  }
  std::string copy = text;
  curl_free(text);
  return copy;
}

Result<Url> Read(CURLU* handle) {
  Url url;
  url.scheme = TRY(Part(handle, CURLUPART_SCHEME));
  url.host = TRY(Part(handle, CURLUPART_HOST));
  url.port = TRY(Part(handle, CURLUPART_PORT));
  std::transform(url.host.begin(), url.host.end(), url.host.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (url.scheme != "http" && url.scheme != "https")
    return Fail(Code::kInvalidArgument, "parse", "URL", "not http(s)");
  char* text = nullptr;
  if (curl_url_get(handle, CURLUPART_URL, &text, 0) != CURLUE_OK) {
    return Fail(Code::kInvalidArgument, "parse", "URL", "malformed");
  }
  url.text = text;
  curl_free(text);
  return url;
}

Result<> Set(CURLU* handle, const std::string& text) {
  if (handle && curl_url_set(handle, CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER) == CURLUE_OK)
    return {};
  return Fail(Code::kInvalidArgument, "parse", "URL", "malformed");
}

}  // namespace

Result<Url> ParseUrl(const std::string& text) {
  UrlHandle handle(curl_url(), curl_url_cleanup);
  TRY(Set(handle.get(), text));
  return Read(handle.get());
}

Result<Url> ResolveUrl(const Url& base, const std::string& location) {
  UrlHandle handle(curl_url(), curl_url_cleanup);
  TRY(Set(handle.get(), base.text));
  TRY(Set(handle.get(), location));  // relative to what is set already
  return Read(handle.get());
}

bool IsLoopback(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::string name(host);
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, name.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, name.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return name == "localhost";
}

std::string EncodeQueryValue(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                 c == '.' || c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kDigits[static_cast<unsigned char>(c) >> 4];
      encoded += kDigits[static_cast<unsigned char>(c) & 15];
    }
  }
  return encoded;
}

}  // namespace davit::images
