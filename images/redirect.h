// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Redirects (RFC 9110 section 15.4), as registries and token servers use them.
#pragma once

#include "base/error.h"
#include "images/http_client.h"
#include "images/url.h"

namespace davit::images {

constexpr int kMaxRedirects = 10;

bool IsRedirect(int status);

// Where the redirect `response` to a request for `from` leads. kInvalidArgument, without step and subject, if
// it has no usable address or leads from https to plain http.
Result<Url> NextHop(const Url& from, const HttpResponse& response);

}  // namespace davit::images
