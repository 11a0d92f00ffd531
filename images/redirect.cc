// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/redirect.h"

#include <algorithm>
#include <string>
#include <utility>

#include "images/http_outcome.h"

namespace davit::images {
namespace {

constexpr int kMaxRedirects = 10;
constexpr int kFoundElsewhere[] = {301, 302, 303};  // where a client repeats a POST as a GET

bool IsFoundElsewhere(int status) {
  return std::ranges::find(kFoundElsewhere, status) != std::end(kFoundElsewhere);
}

bool IsRedirect(int status) {
  return IsFoundElsewhere(status) || status == 307 || status == 308;
}

}  // namespace

Result<Url> NextHop(const Url& from, const HttpResponse& response) {
  auto next = ResolveUrl(from, response.Header("location"));
  if (!next) return Fail(Code::kInvalidArgument, "", "", "redirects to no usable address");
  if (from.scheme == "https" && next->scheme != "https")
    return Fail(Code::kInvalidArgument, "", "", "redirects from https to plain http");
  return next;
}

Attempted<HttpResponse> FollowRedirects(OutgoingRequest request, const SendHop& send) {
  bool uploads = request.method != Method::kGet && request.method != Method::kHead;
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    HttpResponse response = TRY(send(request));
    if (!IsRedirect(response.status)) return response;
    if (uploads && IsFoundElsewhere(response.status))
      return Refuse(Code::kUnavailable, "redirects an upload with status " + std::to_string(response.status));
    auto next = NextHop(request.url, response);
    if (!next) return Refuse(Code::kUnavailable, next.error().context);
    request.url = std::move(*next);
  }
  return Refuse(Code::kUnavailable, "redirects too often");
}

}  // namespace davit::images
