// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/authorizer.h"

#include <algorithm>

#include "base/base64.h"
#include "base/json_object.h"

namespace davit::images {
namespace {

constexpr size_t kMaxTokenAnswer = 1 << 20;

std::unexpected<Error> Refused(const std::string& host, std::string_view why,
                               Code code = Code::kUnauthenticated) {
  return Fail(code, "log in to", host, why);
}

// What may stand in a header: no line break can be smuggled in.
bool IsHeaderText(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string Param(const AuthChallenge& challenge, const char* name) {
  auto param = challenge.params.find(name);
  return param == challenge.params.end() ? std::string() : param->second;
}

Result<std::string> TokenIn(const HttpResponse& response, const std::string& host) {
  auto document = JsonObject::Parse(response.body, "token");
  if (!document) return Refused(host, "the answer is no JSON");
  std::string token = document->String("token");
  if (token.empty()) token = document->String("access_token");
  if (!IsHeaderText(token)) return Refused(host, "the answer has no usable token");
  return token;
}

}  // namespace

std::string Authorizer::Credentials::Basic() const {
  return "Basic " + EncodeBase64(username + ":" + password);
}

Result<Authorizer::Credentials> Authorizer::Choose(const std::optional<RegistryAuth>& auth) {
  Credentials credentials;
  if (!auth) return credentials;
  auto invalid = [](std::string_view what) {
    return Fail(Code::kInvalidArgument, "read", "credentials", what);
  };
  if (!auth->username.empty()) {
    credentials.username = auth->username;
    credentials.password = auth->password;
  } else if (!auth->identity_token.empty()) {
    credentials.identity_token = auth->identity_token;
  } else if (!auth->auth.empty()) {
    auto pair = DecodeBase64(auth->auth);
    if (!pair) return invalid("`auth` is not base64");
    size_t colon = pair->find(':');
    if (colon == std::string::npos) return invalid("`auth` is not user:password");
    credentials.username = pair->substr(0, colon);
    credentials.password = pair->substr(colon + 1);
    while (credentials.password.ends_with('\0'))
      credentials.password.pop_back();  // old clients pad with NULs
  } else if (!auth->registry_token.empty()) {
    if (!IsHeaderText(auth->registry_token))
      return invalid("`registry_token` has characters that no token has");
    credentials.registry_token = auth->registry_token;
  }
  return credentials;
}

Result<std::unique_ptr<Authorizer>> Authorizer::Create(HttpClient& client,
                                                       const std::optional<RegistryAuth>& auth,
                                                       std::string repository) {
  Credentials credentials = TRY(Choose(auth));
  return std::unique_ptr<Authorizer>(new Authorizer(client, std::move(credentials), std::move(repository)));
}

std::string Authorizer::HeaderFor(const std::string& origin) const {
  MutexLock lock(mutex_);
  auto header = headers_.find(origin);
  return header == headers_.end() ? std::string() : header->second;
}

Result<> Authorizer::Answer(const Url& registry, const std::vector<std::string>& www_authenticate,
                            const std::string& sent, const ClientTls* tls, const Interrupt& interrupt) {
  MutexLock one_at_a_time(fetching_);
  if (HeaderFor(registry.Origin()) != sent) return {};
  std::vector<AuthChallenge> challenges;
  for (const std::string& header : www_authenticate) {
    for (AuthChallenge& challenge : ParseAuthChallenges(header)) challenges.push_back(std::move(challenge));
  }
  for (std::string_view scheme : {"bearer", "basic"}) {
    for (const AuthChallenge& challenge : challenges) {
      if (challenge.scheme != scheme) continue;
      std::string header = TRY(HeaderForChallenge(registry, challenge, tls, interrupt));
      // What was just refused is refused again.
      if (header == sent) return Refused(registry.host, "the credentials were refused");
      MutexLock lock(mutex_);
      headers_[registry.Origin()] = std::move(header);
      return {};
    }
  }
  return Refused(registry.host, "it asks for no kind of login that is known here");
}

Result<std::string> Authorizer::HeaderForChallenge(const Url& registry, const AuthChallenge& challenge,
                                                   const ClientTls* tls, const Interrupt& interrupt) {
  if (challenge.scheme == "basic") {
    if (credentials_.username.empty()) return Refused(registry.host, "it wants a user name and a password");
    return credentials_.Basic();
  }
  if (!credentials_.registry_token.empty()) return "Bearer " + credentials_.registry_token;
  return "Bearer " + TRY(FetchToken(registry, challenge, tls, interrupt));
}

Result<OutgoingRequest> Authorizer::TokenRequest(const Url& registry, const AuthChallenge& challenge) const {
  std::string realm = Param(challenge, "realm");
  auto url = ParseUrl(realm);
  if (!url) return Refused(registry.host, "it names no usable token server");
  if (registry.scheme == "https" && url->scheme != "https" && credentials_.Any()) {
    return Refused(registry.host, "its token server is reached by plain http");
  }
  std::string scope = Param(challenge, "scope");
  if (scope.empty()) scope = "repository:" + repository_ + ":pull";
  std::string query = "scope=" + EncodeQueryValue(scope);
  if (std::string service = Param(challenge, "service"); !service.empty()) {
    query += "&service=" + EncodeQueryValue(service);
  }
  OutgoingRequest request;
  request.body_limit = kMaxTokenAnswer;
  if (!credentials_.identity_token.empty()) {
    request.url = std::move(*url);
    request.form = "grant_type=refresh_token&client_id=davit&" + query +
                   "&refresh_token=" + EncodeQueryValue(credentials_.identity_token);
    return request;
  }
  if (!credentials_.username.empty()) {
    query += "&account=" + EncodeQueryValue(credentials_.username);
    request.headers.emplace_back("Authorization", credentials_.Basic());
  }
  auto with_query = ParseUrl(url->text + (url->text.find('?') == std::string::npos ? "?" : "&") + query);
  if (!with_query) return Refused(registry.host, "it names no usable token server");
  request.url = std::move(*with_query);
  return request;
}

Result<std::string> Authorizer::FetchToken(const Url& registry, const AuthChallenge& challenge,
                                           const ClientTls* tls, const Interrupt& interrupt) {
  OutgoingRequest request = TRY(TokenRequest(registry, challenge));
  // Its CA is the registry's as a rule; the registry's client certificate is for the registry alone.
  ClientTls token_tls = tls ? *tls : ClientTls{};
  if (request.url.Origin() != registry.Origin()) token_tls.certificate = token_tls.key = "";
  request.tls = &token_tls;
  const std::string& host = request.url.host;
  HttpResponse response = TRY(client_.Send(request, interrupt));
  if (response.not_tls) return Refused(host, "the token server does not speak TLS", Code::kUnavailable);
  switch (response.status) {
    case 200:
      return TokenIn(response, host);
    case 400:  // what OAuth2 servers say to a refresh token that is no longer good (RFC 6749 section 5.2)
    case 401:
    case 403:
      return Refused(host, credentials_.Any() ? "the token server refused the credentials"
                                              : "the token server wants credentials");
    default:
      return Refused(host, "the token server answered " + std::to_string(response.status),
                     Code::kUnavailable);
  }
}

}  // namespace davit::images
