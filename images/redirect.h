// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Redirects (RFC 9110 section 15.4), as registries and token servers use them.
#pragma once

#include <functional>

#include "base/error.h"
#include "images/attempts.h"
#include "images/http_client.h"
#include "images/url.h"

namespace davit::images {

// Where the redirect `response` to a request for `from` leads. kInvalidArgument, without step and subject, if
// it has no usable address or leads from https to plain http.
Result<Url> NextHop(const Url& from, const HttpResponse& response);

// Sends the request to request.url, with what that origin may receive of it: `request` keeps the changes.
using SendHop = std::function<Attempted<HttpResponse>(OutgoingRequest& request)>;

// Sends the request, and again where redirects lead: at most ten times. Returns the first setback, or the
// first answer that is no redirect. kRefused, without step and subject: for the errors of NextHop, for too
// many redirects, and for one that would turn an upload into a GET.
Attempted<HttpResponse> FollowRedirects(OutgoingRequest request, const SendHop& send);

}  // namespace davit::images
