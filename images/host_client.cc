// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/host_client.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/json_object.h"
#include "images/redirect.h"

namespace davit::images {
namespace {

constexpr size_t kMaxDocument = 8 << 20;
constexpr int kMaxLogins = 2;  // an expired token, then a fresh one

Code CodeOfStatus(int status) {
  switch (status) {
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 408:
    case 429:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kInternal;
  }
}

// 501 and 505 say that the server lacks something, not that it is busy (RFC 9110 section 15.6).
Outcome OutcomeOfStatus(int status) {
  bool temporary = CodeOfStatus(status) == Code::kUnavailable && status != 501 && status != 505;
  return temporary ? Outcome::kBusy : Outcome::kRefused;
}

// The registry's own word for what is wrong ("MANIFEST_UNKNOWN"). Nothing else of the body is passed on: a
// server may echo what it was sent.
std::string RegistryErrorCode(const HttpResponse& response) {
  auto document = JsonObject::Parse(response.body, "registry error");
  if (!document) return {};
  for (JsonObject& error : document->Objects("errors")) {
    std::string code = error.String("code");
    bool plain = !code.empty() && code.size() <= 64 && std::all_of(code.begin(), code.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || c == '_';
    });
    if (plain) return code;
  }
  return {};
}

std::unexpected<Setback> RefusedBy(const HttpResponse& response) {
  std::string why = "answered " + std::to_string(response.status);
  if (std::string code = RegistryErrorCode(response); !code.empty()) why += " " + code;
  if (response.retry_after_ms > 0)
    why += ", asks to wait " + std::to_string(response.retry_after_ms / 1000) + " s";
  Setback setback(OutcomeOfStatus(response.status), Fail(CodeOfStatus(response.status), "", "", why).error());
  setback.retry_after_ms = response.retry_after_ms;
  return std::unexpected(std::move(setback));
}

}  // namespace

std::unexpected<Setback> Refuse(Code code, std::string_view why) {
  return std::unexpected(Setback(Outcome::kRefused, Fail(code, "", "", why).error()));
}

Attempted<> Accept(const HttpResponse& response, int64_t first_byte) {
  bool wanted = response.status == 200 || (response.status == 206 && first_byte > 0);
  return wanted ? Attempted<>() : RefusedBy(response);
}

Result<std::unique_ptr<HostClient>> HostClient::Create(RegistryHost host, Shared shared) {
  ClientTls tls = TRY(LoadTls(host.tls));
  return std::unique_ptr<HostClient>(new HostClient(std::move(host), std::move(tls), shared));
}

Result<Url> HostClient::UrlOf(const ObjectRequest& request) const {
  RegistryHost host = host_;
  if (plain_http_) host.scheme = "http";
  std::string text = host.BaseUrl() + "/" + request.path;
  bool upstream = host.host == request.registry ||
                  (request.registry == "docker.io" && host.host == "registry-1.docker.io");
  if (!upstream) text += "?ns=" + EncodeQueryValue(request.registry);
  return ParseUrl(text);
}

// One request with the right headers, logged in when the server asks for it. A redirect target gets nothing
// but the request itself, and an anonymous token if it asks for one.
Result<HttpResponse> HostClient::GetAuthorized(const ObjectRequest& request, const Url& url,
                                               Audience audience, BodySink* sink) {
  ClientTls tls = tls_;
  if (audience == Audience::kRedirectTarget) tls = TRY(shared_.origin_tls.ForTarget(url));
  OutgoingRequest outgoing;
  outgoing.url = url;
  outgoing.body_limit = kMaxDocument;
  outgoing.connect_timeout_ms = host_.dial_timeout_ms;
  outgoing.first_byte = request.first_byte;
  outgoing.tls = &tls;
  if (!request.accept.empty()) outgoing.headers.emplace_back("Accept", request.accept);
  if (audience == Audience::kRegistry)
    outgoing.headers.insert(outgoing.headers.end(), host_.headers.begin(), host_.headers.end());
  size_t plain_headers = outgoing.headers.size();
  for (int login = 0;; ++login) {
    std::string authorization = shared_.authorizer.HeaderFor(audience, url);
    outgoing.headers.resize(plain_headers);
    if (!authorization.empty()) outgoing.headers.emplace_back("Authorization", authorization);
    HttpResponse response = TRY(shared_.http.Send(outgoing, shared_.interrupt, sink));
    if (response.status != 401 || login == kMaxLogins) return response;
    TRY(shared_.authorizer.Answer(audience, url, response.Headers("www-authenticate"), authorization, tls,
                                  shared_.interrupt));
  }
}

Attempted<HttpResponse> HostClient::GetFollowing(const ObjectRequest& request, const Url& first,
                                                 BodySink* sink) {
  Url url = first;
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    bool redirected = url.Origin() != first.Origin();
    auto response =
        GetAuthorized(request, url, redirected ? Audience::kRedirectTarget : Audience::kRegistry, sink);
    if (!response) return std::unexpected(std::move(response).error());
    if (response->not_tls && redirected) return Refuse(Code::kUnavailable, "redirects to no TLS server");
    if (!response->untrusted.empty())
      return Refuse(Code::kUnavailable, url.HostPort() + ": " + response->untrusted);
    if (!IsRedirect(response->status)) return std::move(*response);
    auto next = NextHop(url, *response);
    if (!next) return Refuse(Code::kUnavailable, next.error().context);
    url = std::move(*next);
  }
  return Refuse(Code::kUnavailable, "redirects too often");
}

Attempted<HttpResponse> HostClient::Get(const ObjectRequest& request, BodySink* sink) {
  auto url = UrlOf(request);
  if (!url) return std::unexpected(std::move(url).error());
  auto response = GetFollowing(request, *url, sink);
  if (!response) return response;
  if (response->not_tls) {
    if (!host_.http_fallback || url->scheme == "http")
      return Refuse(Code::kUnavailable, "does not speak TLS");
    plain_http_ = true;
    return Get(request, sink);
  }
  if (auto accepted = Accept(*response, request.first_byte); !accepted)
    return std::unexpected(std::move(accepted).error());
  return response;
}

}  // namespace davit::images
