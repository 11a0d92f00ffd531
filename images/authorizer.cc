// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/authorizer.h"

#include <algorithm>
#include <sstream>

#include "base/base64.h"
#include "base/json_object.h"
#include "images/advice.h"
#include "images/http_outcome.h"
#include "images/redirect.h"

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

// A registry host as people write it, without scheme or with a path.
Result<Url> ParseServerAddress(const std::string& address, const std::string& scheme) {
  return ParseUrl(address.find("://") == std::string::npos ? scheme + "://" + address : address);
}

// Docker Hub has several names: the first is that of its images, the last that of its API.
bool IsDockerHub(const std::string& host) {
  return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

bool NamesServer(const std::string& address, const Url& server) {
  if (address.empty()) return true;
  auto named = ParseServerAddress(address, server.scheme);
  if (!named) return false;
  if (IsDockerHub(named->host) && IsDockerHub(server.host)) return named->port == server.port;
  return named->HostPort() == server.HostPort();
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

Result<std::string> TokenIn(const HttpResponse& response, const std::string& host) {
  auto document = JsonObject::Parse(response.body, "token");
  if (!document) return Refused(host, "the answer is no JSON");
  std::string token = document->String("token");
  if (token.empty()) token = document->String("access_token");
  if (!IsHeaderText(token)) return Refused(host, "the answer has no usable token");
  return token;
}

// Transport errors name the server themselves.
Setback OfTokenServer(const std::string& host, Setback setback) {
  Error& error = setback.error;
  if (!error.step.empty()) return setback;
  error = Refused(host, "the token server " + error.context, Code::kUnavailable).error();
  return setback;
}

}  // namespace

bool IsAddressOf(const std::string& server_address, const std::string& host) {
  auto registry = ParseServerAddress(host, "https");
  return registry && !server_address.empty() && NamesServer(server_address, *registry);
}

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
  credentials.server_address = auth->server_address;
  if (!credentials.server_address.empty() && !ParseServerAddress(credentials.server_address, "https"))
    return invalid("`server_address` is not the address of a registry");
  return credentials;
}

Result<std::unique_ptr<Authorizer>> Authorizer::Create(HttpClient& client, OriginTls& origin_tls,
                                                       const std::optional<RegistryAuth>& auth,
                                                       std::string repository) {
  Credentials credentials = TRY(Choose(auth));
  return std::unique_ptr<Authorizer>(
      new Authorizer(client, origin_tls, std::move(credentials), std::move(repository)));
}

const Authorizer::Credentials& Authorizer::CredentialsFor(Audience audience, const Url& registry) const {
  const std::string& address = credentials_.server_address;
  bool named = NamesServer(address, registry);
  bool acts_for_named = !server_.empty() && NamesServer(server_, registry) && IsAddressOf(address, registry_);
  return audience == Audience::kRegistry && (named || acts_for_named) ? credentials_ : anonymous_;
}

std::string Authorizer::HeaderFor(Audience audience, const Url& url) const {
  MutexLock lock(mutex_);
  auto header = headers_.find({audience, url.Origin()});
  return header == headers_.end() ? std::string() : header->second;
}

Attempted<> Authorizer::Answer(Audience audience, const OutgoingRequest& refused,
                               const std::vector<std::string>& www_authenticate, const std::string& sent,
                               const Interrupt& interrupt) {
  const Url& registry = refused.url;
  MutexLock one_at_a_time(fetching_);
  if (HeaderFor(audience, registry) != sent) return {};
  Login login{registry, *refused.tls, CredentialsFor(audience, registry), refused.proxy, interrupt};
  std::vector<AuthChallenge> challenges;
  for (const std::string& header : www_authenticate) {
    for (AuthChallenge& challenge : ParseAuthChallenges(header)) challenges.push_back(std::move(challenge));
  }
  for (std::string_view scheme : {"bearer", "basic"}) {
    for (const AuthChallenge& challenge : challenges) {
      if (challenge.scheme != scheme) continue;
      std::string header = TRY(HeaderForChallenge(login, challenge));
      // What was just refused is refused again.
      if (header == sent && !login.credentials.Any()) return Anonymous(login, registry.host, "it");
      if (header == sent) return Refused(registry.host, "the credentials were refused");
      MutexLock lock(mutex_);
      headers_[{audience, registry.Origin()}] = std::move(header);
      return {};
    }
  }
  return Refused(registry.host, "it asks for no kind of login that is known here");
}

// After an answer to a request without credentials.
std::unexpected<Error> Authorizer::Anonymous(const Login& login, const std::string& host,
                                             std::string_view who) const {
  bool for_another = credentials_.Any() && !login.credentials.Any();
  return Refused(host, std::string(who) + " wants credentials" +
                           (for_another ? ", and those given are not for " + login.registry.HostPort() : ""));
}

Attempted<std::string> Authorizer::HeaderForChallenge(const Login& login, const AuthChallenge& challenge) {
  if (challenge.scheme == "basic") {
    if (!login.credentials.username.empty()) return login.credentials.Basic();
    bool for_another = credentials_.Any() && !login.credentials.Any();
    return Refused(login.registry.host, for_another ? "it wants a password, and the one given is not for it"
                                                    : "it wants a user name and a password");
  }
  if (!login.credentials.registry_token.empty()) return "Bearer " + login.credentials.registry_token;
  return "Bearer " + TRY(FetchToken(login, challenge));
}

std::vector<std::string> Authorizer::ScopesFor(const AuthChallenge& challenge) const {
  std::vector<std::string> scopes = scopes_;
  auto is_ours = [this](const std::string& scope) {
    std::string resource = scope.substr(0, scope.rfind(':') + 1);
    return std::ranges::any_of(scopes_, [&](const std::string& ours) { return ours.starts_with(resource); });
  };
  std::istringstream words(Param(challenge, "scope"));
  for (std::string scope; words >> scope;) {
    if (!is_ours(scope)) scopes.push_back(scope);
  }
  if (scopes.empty() && !repository_.empty()) scopes.push_back("repository:" + repository_ + ":pull");
  return scopes;
}

Result<OutgoingRequest> Authorizer::TokenRequest(const Login& login, const AuthChallenge& challenge) const {
  const auto& [registry, tls, credentials, proxy, interrupt] = login;
  auto url = ParseUrl(Param(challenge, "realm"));
  if (!url) return Refused(registry.host, "it names no usable token server");
  if (registry.scheme == "https" && url->scheme != "https" && credentials.Any()) {
    return Refused(registry.host, "its token server is reached by plain http");
  }
  std::vector<std::string> scopes = ScopesFor(challenge);
  std::string service = Param(challenge, "service");
  std::string for_service = service.empty() ? "" : "&service=" + EncodeQueryValue(service);
  OutgoingRequest request;
  request.body_limit = kMaxTokenAnswer;
  request.proxy = proxy;
  if (!credentials.identity_token.empty()) {
    request.url = std::move(*url);
    std::string for_scopes = scopes.empty() ? "" : "&scope=" + EncodeQueryValue(Join(scopes, " "));
    request.form = "grant_type=refresh_token&client_id=davit" + for_scopes + for_service +
                   "&refresh_token=" + EncodeQueryValue(credentials.identity_token);
    return request;
  }
  for (std::string& scope : scopes) scope = "&scope=" + EncodeQueryValue(scope);
  std::string query = Join(scopes, "") + for_service;
  if (!credentials.username.empty()) {
    query += "&account=" + EncodeQueryValue(credentials.username);
    request.headers.emplace_back("Authorization", credentials.Basic());
  }
  if (url->text.find('?') == std::string::npos && !query.empty()) query.front() = '?';
  auto with_query = ParseUrl(url->text + query);
  if (!with_query) return Refused(registry.host, "it names no usable token server");
  request.url = std::move(*with_query);
  return request;
}

// Credentials, which are in the request's Authorization header or in its form, go to no other origin.
Attempted<HttpResponse> Authorizer::Send(const Login& login, OutgoingRequest request) {
  const std::string first = request.url.Origin();
  return FollowRedirects(std::move(request), [&](OutgoingRequest& hop) -> Attempted<HttpResponse> {
    if (hop.url.Origin() != first) hop.headers.clear();
    if (hop.url.Origin() != first && !hop.form.empty())
      return Refuse(Code::kUnavailable, "redirects the login to another server");
    ClientTls tls = TRY(origin_tls_.ForTokenServer(hop.url, login.registry, login.tls));
    hop.tls = &tls;
    HttpResponse response = TRY(client_.Send(hop, login.interrupt));
    if (response.not_tls) return Refuse(Code::kUnavailable, "does not speak TLS");
    if (response.untrusted.empty()) return response;
    HostPlace place = PlaceOf(hop.url, origin_tls_.certs_d());
    return Refuse(Code::kUnavailable,
                  hop.url.HostPort() + ": " + response.untrusted + TlsAdvice(response, place));
  });
}

Attempted<std::string> Authorizer::FetchToken(const Login& login, const AuthChallenge& challenge) {
  OutgoingRequest request = TRY(TokenRequest(login, challenge));
  const std::string host = request.url.host;
  auto response = Send(login, std::move(request));
  if (!response) return std::unexpected(OfTokenServer(host, std::move(response).error()));
  switch (response->status) {
    case 200:
      return TRY(TokenIn(*response, host));
    case 400:  // what OAuth2 servers say to a refresh token that is no longer good (RFC 6749 section 5.2)
    case 401:
    case 403:
      if (!login.credentials.Any()) return Anonymous(login, host, "the token server");
      return Refused(host, "the token server refused the credentials");
    default:
      return std::unexpected(OfTokenServer(host, RefusalOf(*response)));
  }
}

}  // namespace davit::images
