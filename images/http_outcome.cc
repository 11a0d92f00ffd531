// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/http_outcome.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/json_object.h"

namespace davit::images {
namespace {

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

}  // namespace davit::images
