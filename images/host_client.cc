// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/host_client.h"

#include <utility>

#include "base/time.h"
#include "images/http_outcome.h"
#include "images/redirect.h"

namespace davit::images {
namespace {

constexpr size_t kMaxDocument = 4 << 20;  // of a manifest, as CNCF Distribution has it
constexpr int kMaxLogins = 2;             // an expired token, then a fresh one

}  // namespace

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
  request.proxy = host_.proxy;
  return request;
}

// One request with the right headers, logged in when the server asks for it. A redirect target gets nothing
// but the request itself, and an anonymous token if it asks for one.
Attempted<HttpResponse> HostClient::SendAuthorized(const OutgoingRequest& request, Audience audience,
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
    TRY(shared_.authorizer.Answer(audience, outgoing, response.Headers("www-authenticate"), authorization,
                                  shared_.interrupt));
  }
}

Attempted<HttpResponse> HostClient::SendFollowing(OutgoingRequest request, const std::string& own_origin,
                                                  BodySink* sink) {
  return FollowRedirects(std::move(request), [&](OutgoingRequest& hop) -> Attempted<HttpResponse> {
    bool redirected = hop.url.Origin() != own_origin;
    HttpResponse response =
        TRY(SendAuthorized(hop, redirected ? Audience::kRedirectTarget : Audience::kRegistry, sink));
    if (response.not_tls && redirected) return Refuse(Code::kUnavailable, "redirects to no TLS server");
    if (response.untrusted.empty()) return response;
    HostPlace place = redirected ? PlaceOf(hop.url, shared_.origin_tls.certs_d()) : Place();
    std::string why = hop.url.HostPort() + ": " + response.untrusted + TlsAdvice(response, place);
    return Refuse(Code::kUnavailable, why);
  });
}

HostPlace HostClient::Place() const {
  return {host_.host, shared_.registry, shared_.origin_tls.certs_d(), host_.mirror};
}

std::unexpected<Setback> HostClient::SpeaksNoTls(const HttpResponse& response) const {
  return Refuse(Code::kUnavailable, "does not speak TLS" + TlsAdvice(response, Place()));
}

// Other requests of the pull learn of a pause that the host asks for: they do not ask again before it ends.
Attempted<HttpResponse> HostClient::SendUnlessPaused(OutgoingRequest request, const std::string& own_origin,
                                                     BodySink* sink) {
  if (auto rest = pause_.Rest(MonotonicMilliseconds())) return std::unexpected(std::move(*rest));
  auto response = SendFollowing(std::move(request), own_origin, sink);
  if (!response) pause_.Note(response.error(), MonotonicMilliseconds());
  if (response && response->retry_after_ms > 0) pause_.Note(RefusalOf(*response), MonotonicMilliseconds());
  return response;
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
  outgoing.has_alternative = request.has_alternative;
  if (!request.accept.empty()) outgoing.headers.emplace_back("Accept", request.accept);
  auto response = SendUnlessPaused(std::move(outgoing), url->Origin(), sink);
  if (!response) return response;
  if (response->not_tls) return FallBackToPlainHttp(*url) ? Get(request, sink) : SpeaksNoTls(*response);
  if (auto accepted = Accept(*response, request.first_byte); !accepted) {
    Setback setback = std::move(accepted).error();
    setback.error.context += BusyAdvice(response->status);
    return std::unexpected(std::move(setback));
  }
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
      SendUnlessPaused(std::move(outgoing), request.location ? ApiUrl().Origin() : url->Origin(), nullptr);
  if (!response || !response->not_tls) return response;
  bool again = !request.location && FallBackToPlainHttp(*url);
  return again ? Send(request) : SpeaksNoTls(*response);
}

}  // namespace davit::images
