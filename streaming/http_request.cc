// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/http_request.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>

namespace davit::streaming {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

bool SameName(std::string_view a, std::string_view b) {
  return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

HttpRequest Take(const http::request<http::empty_body>& message) {
  HttpRequest request;
  request.method = View(message.method_string());
  request.target = View(message.target());
  for (const auto& field : message)
    request.headers.emplace_back(View(field.name_string()), View(field.value()));
  return request;
}

std::string Head(int status, const HttpHeaders& headers) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head += View(http::obsolete_reason(static_cast<http::status>(status)));
  head += "\r\n";
  for (const auto& [name, value] : headers) head.append(name).append(": ").append(value).append("\r\n");
  return head;
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [own, value] : headers) {
    if (SameName(own, name)) return value;
  }
  return {};
}

std::vector<std::string> HttpRequest::List(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [own, list] : headers) {
    if (!SameName(own, name)) continue;
    for (std::string_view rest = list; !rest.empty();) {
      size_t comma = std::min(rest.find(','), rest.size());
      if (std::string_view value = Trim(rest.substr(0, comma)); !value.empty()) values.emplace_back(value);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return values;
}

bool HttpRequest::Lists(std::string_view name, std::string_view value) const {
  for (const std::string& own : List(name)) {
    if (SameName(own, value)) return true;
  }
  return false;
}

Result<std::optional<ParsedRequest>> ParseHttpRequest(std::string_view bytes) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxRequestHead);
  beast::error_code error;
  size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::need_more) {
    if (bytes.size() < kMaxRequestHead) return std::nullopt;
    error = http::error::header_limit;
  }
  if (error) return Fail(Code::kInvalidArgument, "read request", "client", error.message());
  if (!parser.is_header_done()) return std::nullopt;
  return ParsedRequest{Take(parser.get()), used};
}

bool MayCompleteHead(std::string_view bytes, size_t added) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  size_t begun = std::min(bytes.size(), added + kEnd.size() - 1);  // its first bytes may have come before
  return bytes.size() >= kMaxRequestHead || bytes.find(kEnd, bytes.size() - begun) != bytes.npos;
}

std::string SwitchingProtocols(std::string_view protocol, const HttpHeaders& headers) {
  HttpHeaders all = {{"Connection", "Upgrade"}, {"Upgrade", std::string(protocol)}};
  all.insert(all.end(), headers.begin(), headers.end());
  return Head(101, all) + "\r\n";
}

std::string HttpRefusal(int status, std::string_view text, const HttpHeaders& headers) {
  HttpHeaders all = {{"Content-Type", "text/plain; charset=utf-8"},
                     {"Content-Length", std::to_string(text.size() + 1)},
                     {"Connection", "close"}};
  all.insert(all.end(), headers.begin(), headers.end());
  return Head(status, all).append("\r\n").append(text).append("\n");
}

}  // namespace davit::streaming
