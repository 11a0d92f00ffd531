// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/foreign_layers.h"

#include <algorithm>
#include <utility>

#include "images/host_client.h"
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
  Url url = TRY(ParseUrl(address));
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    if (url.scheme != "https") return Refuse(Code::kInvalidArgument, "its URL is not https");
    ClientTls tls = TRY(origin_tls_.ForTarget(url));
    OutgoingRequest request;
    request.url = url;
    request.tls = &tls;
    request.first_byte = stream.position();
    HttpResponse response = TRY(http_.Send(request, interrupt, &stream));
    if (response.not_tls) return Refuse(Code::kUnavailable, "does not speak TLS");
    if (!response.untrusted.empty()) return Refuse(Code::kUnavailable, response.untrusted);
    if (!IsRedirect(response.status)) return Accept(response, request.first_byte);
    auto next = NextHop(url, response);
    if (!next) return Refuse(Code::kUnavailable, next.error().context);
    url = std::move(*next);
  }
  return Refuse(Code::kUnavailable, "redirects too often");
}

}  // namespace davit::images
