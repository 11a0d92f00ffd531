// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/redirect.h"

namespace davit::images {

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Url> NextHop(const Url& from, const HttpResponse& response) {
  auto next = ResolveUrl(from, response.Header("location"));
  if (!next) return Fail(Code::kInvalidArgument, "", "", "redirects to no usable address");
  if (from.scheme == "https" && next->scheme != "https")
    return Fail(Code::kInvalidArgument, "", "", "redirects from https to plain http");
  return next;
}

}  // namespace davit::images
