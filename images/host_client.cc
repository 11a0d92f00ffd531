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

constexpr size_t kMaxDocument = 4 << 20;            // of a manifest, as CNCF Distribution has it
constexpr int kFoundElsewhere[] = {301, 302, 303};  // where a client repeats a POST as a GET
constexpr int kMaxLogins = 2;                       // an expired token, then a fresh one

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

}  // namespace

Setback RefusalOf(const HttpResponse& response) {
  std::string why = "answered " + std::to_string(response.status);
  if (std::string code = RegistryErrorCode(response); !code.empty()) why += " " + code;
  if (response.retry_after_ms > 0)
    why += ", asks to wait " + std::to_string(response.retry_after_ms / 1000) + " s";
  Setback setback(OutcomeOfStatus(response.status), Fail(CodeOfStatus(response.status), "", "", why).error());
  setback.retry_after_ms = response.retry_after_ms;
  return setback;
}

std::unexpected<Setback> Refuse(Code code, std::string_view why) {
  return std::unexpected(Setback(Outcome::kRefused, Fail(code, "", "", why).error()));
}

Attempted<> Accept(const HttpResponse& response, int64_t first_byte) {
  bool wanted = response.status == 200 || (response.status == 206 && first_byte > 0);
  return wanted ? Attempted<>() : std::unexpected(RefusalOf(response));
}

Result<std::unique_ptr<HostClient>> HostClient::Create(RegistryHost host, Shared shared) {
  ClientTls tls = TRY(LoadTls(host.tls));
  return std::unique_ptr<HostClient>(new HostClient(std::move(host), std::move(tls), shared));
}

Result<Url> HostClient::UrlOf(const std::string& path, const std::string& registry) const {
  RegistryHost host = host_;
  if (plain_http_) host.scheme = "http";
  std::string text = host.BaseUrl() + "/" + path;
  bool upstream = host.host == registry || (registry == "docker.io" && host.host == "registry-1.docker.io");
  if (!upstream) text += (path.find('?') == path.npos ? "?ns=" : "&ns=") + EncodeQueryValue(registry);
  return ParseUrl(text);
}

Url HostClient::ApiUrl() const {
  return UrlOf("", host_.host).value_or(Url());
}

OutgoingRequest HostClient::Prepare(Url url) const {
  OutgoingRequest request;
  request.url = std::move(url);
  request.body_limit = kMaxDocument;
  request.connect_timeout_ms = host_.dial_timeout_ms;
  return request;
}

// One request with the right headers, logged in when the server asks for it. A redirect target gets nothing
// but the request itself, and an anonymous token if it asks for one.
Result<HttpResponse> HostClient::SendAuthorized(const OutgoingRequest& request, Audience audience,
                                                BodySink* sink) {
  ClientTls tls = tls_;
  if (audience == Audience::kRedirectTarget) tls = TRY(shared_.origin_tls.ForTarget(request.url));
  OutgoingRequest outgoing = request;
  outgoing.tls = &tls;
  if (audience == Audience::kRegistry)
    outgoing.headers.insert(outgoing.headers.end(), host_.headers.begin(), host_.headers.end());
  size_t plain_headers = outgoing.headers.size();
  for (int login = 0;; ++login) {
    std::string authorization = shared_.authorizer.HeaderFor(audience, request.url);
    outgoing.headers.resize(plain_headers);
    if (!authorization.empty()) outgoing.headers.emplace_back("Authorization", authorization);
    HttpResponse response = TRY(shared_.http.Send(outgoing, shared_.interrupt, sink));
    if (response.status != 401 || login == kMaxLogins) return response;
    TRY(shared_.authorizer.Answer(audience, request.url, response.Headers("www-authenticate"), authorization,
                                  tls, shared_.interrupt));
  }
}

Attempted<HttpResponse> HostClient::SendFollowing(OutgoingRequest request, const std::string& own_origin,
                                                  BodySink* sink) {
  bool uploads = request.method != Method::kGet && request.method != Method::kHead;
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    bool redirected = request.url.Origin() != own_origin;
    auto response =
        SendAuthorized(request, redirected ? Audience::kRedirectTarget : Audience::kRegistry, sink);
    if (!response) return std::unexpected(std::move(response).error());
    if (response->not_tls && redirected) return Refuse(Code::kUnavailable, "redirects to no TLS server");
    if (!response->untrusted.empty())
      return Refuse(Code::kUnavailable, request.url.HostPort() + ": " + response->untrusted);
    if (!IsRedirect(response->status)) return std::move(*response);
    if (uploads && std::ranges::count(kFoundElsewhere, response->status) > 0)
      return Refuse(Code::kUnavailable,
                    "redirects an upload with status " + std::to_string(response->status));
    auto next = NextHop(request.url, *response);
    if (!next) return Refuse(Code::kUnavailable, next.error().context);
    request.url = std::move(*next);
  }
  return Refuse(Code::kUnavailable, "redirects too often");
}

// After an answer that was no TLS: true if the request is to be sent again, by plain http.
bool HostClient::FallBackToPlainHttp(const Url& url) {
  if (!host_.http_fallback || url.scheme == "http") return false;
  plain_http_ = true;
  return true;
}

Attempted<HttpResponse> HostClient::Get(const ObjectRequest& request, BodySink* sink) {
  auto url = UrlOf(request.path, request.registry);
  if (!url) return std::unexpected(std::move(url).error());
  OutgoingRequest outgoing = Prepare(*url);
  outgoing.first_byte = request.first_byte;
  if (!request.accept.empty()) outgoing.headers.emplace_back("Accept", request.accept);
  auto response = SendFollowing(std::move(outgoing), url->Origin(), sink);
  if (!response) return response;
  if (response->not_tls)
    return FallBackToPlainHttp(*url) ? Get(request, sink) : Refuse(Code::kUnavailable, "does not speak TLS");
  if (auto accepted = Accept(*response, request.first_byte); !accepted)
    return std::unexpected(std::move(accepted).error());
  return response;
}

Attempted<HttpResponse> HostClient::Send(const ApiRequest& request) {
  auto url = request.location ? Result<Url>(*request.location) : UrlOf(request.path, request.registry);
  if (!url) return std::unexpected(std::move(url).error());
  OutgoingRequest outgoing = Prepare(*url);
  outgoing.method = request.method;
  outgoing.headers = request.headers;
  outgoing.body = request.body;
  outgoing.answer_timeout_seconds = request.answer_timeout_seconds;
  outgoing.on_sent = request.on_sent;
  auto response =
      SendFollowing(std::move(outgoing), request.location ? ApiUrl().Origin() : url->Origin(), nullptr);
  if (!response || !response->not_tls) return response;
  bool again = !request.location && FallBackToPlainHttp(*url);
  return again ? Send(request) : Refuse(Code::kUnavailable, "does not speak TLS");
}

}  // namespace davit::images
