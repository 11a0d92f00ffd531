// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/foreign_layers.h"

#include <algorithm>
#include <utility>

#include "images/advice.h"
#include "images/http_outcome.h"
#include "images/redirect.h"
#include "images/url.h"

namespace davit::images {
namespace {

constexpr size_t kMaxUrls = 8;  // that are tried

Error ErrorOf(const std::string& address, Error error) {
  if (error.step.empty()) error.step = "fetch foreign layer";
  Result<Url> url = ParseUrl(address);
  if (error.subject.empty() && url) error.subject = url->host;
  return error;
}

}  // namespace

Result<> ForeignLayers::FetchBlob(const Descriptor& descriptor, BlobSink& sink, const Interrupt& interrupt) {
  size_t urls = std::min(descriptor.urls.size(), kMaxUrls);
  BlobStream stream(descriptor, sink);
  auto fetched = RunAttempts(urls, retry_, interrupt, [&](size_t i) -> Attempted<> {
    if (auto started = stream.StartAttempt(i); !started || stream.verified()) return started;
    return stream.EndAttempt(Get(descriptor.urls[i], stream, interrupt));
  });
  if (fetched) return {};
  if (stream.local_error()) return std::unexpected(*stream.local_error());
  TRY(interrupt.Check());
  if (fetched.error().empty())
    return Fail(Code::kNotFound, "fetch foreign layer", descriptor.digest, "its descriptor has no URL");
  const auto& [last, setback] = *fetched.error().rbegin();
  return std::unexpected(ErrorOf(descriptor.urls[last], setback.error));
}

Attempted<> ForeignLayers::Get(const std::string& address, BlobStream& stream, const Interrupt& interrupt) {
  OutgoingRequest request;
  request.url = TRY(ParseUrl(address));
  request.first_byte = stream.position();
  auto send = [&](OutgoingRequest& hop) -> Attempted<HttpResponse> {
    if (hop.url.scheme != "https") return Refuse(Code::kInvalidArgument, "its URL is not https");
    ClientTls tls = TRY(origin_tls_.ForTarget(hop.url));
    hop.tls = &tls;
    HttpResponse response = TRY(http_.Send(hop, interrupt, &stream));
    if (response.not_tls) return Refuse(Code::kUnavailable, "does not speak TLS");
    if (response.untrusted.empty()) return response;
    HostPlace place = PlaceOf(hop.url, origin_tls_.certs_d());
    return Refuse(Code::kUnavailable, response.untrusted + TlsAdvice(response, place));
  };
  return Accept(TRY(FollowRedirects(request, send)), request.first_byte);
}

}  // namespace davit::images
