// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Logs in to a registry that responds with 401 (distribution-spec and the token flow of
// docs.docker.com/registry/spec/auth/token).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/auth_challenge.h"
#include "images/http_client.h"
#include "images/origin_tls.h"
#include "images/registry_auth.h"

namespace davit::images {

// Who receives a request.
enum class Audience : uint8_t {
  kRegistry,        // a host that the configuration names for the image
  kRedirectTarget,  // a host that one of these has redirected to; it never gets credentials
};

// The credentials of one pull, and the tokens that servers issued for them. Thread-safe. Its errors never
// contain a credential, a token or a URL.
class Authorizer {
 public:
  // Uses the first that RegistryAuth contains of: username and password, identity token, RegistryAuth::auth,
  // registry token. kInvalidArgument if RegistryAuth::auth is not base64 of "user:password", the registry
  // token cannot be part of a header, or RegistryAuth::server_address is malformed. `client` and `origin_tls`
  // must outlive the authorizer. Tokens are requested for the scopes of the challenge; if it has none, to
  // pull from `repository`, or if that is empty for none.
  static Result<std::unique_ptr<Authorizer>> Create(HttpClient& client, OriginTls& origin_tls,
                                                    const std::optional<RegistryAuth>& auth,
                                                    std::string repository);

  // Tokens will be requested for these scopes, too, instead of those that challenges have for the same
  // resource: otherwise each kind of request would need another token. Form:
  // "repository:library/busybox:pull,push". Call it before the first request.
  void RequestScopes(std::vector<std::string> scopes) { scopes_ = std::move(scopes); }

  // The value of the Authorization header for requests to the origin of `url`; empty until that server has
  // asked for one, so that no other registry host receives the credentials.
  std::string HeaderFor(Audience audience, const Url& url) const;

  // Obtains what the challenges of a 401 ask for; HeaderFor then returns it. `sent` is the Authorization
  // header of the refused request: if HeaderFor already returns a newer one, from another thread, the caller
  // retries with that one first. A redirect target, and a registry other than that of
  // RegistryAuth::server_address, gets anonymous tokens only. kUnauthenticated if no further login is
  // possible, kUnavailable if the token server fails. `tls` are the settings of the connection to the
  // registry.
  Result<> Answer(Audience audience, const Url& registry, const std::vector<std::string>& www_authenticate,
                  const std::string& sent, const ClientTls& tls, const Interrupt& interrupt);

 private:
  struct Credentials {
    std::string username;
    std::string password;
    std::string identity_token;
    std::string registry_token;

    std::string server_address;

    bool Any() const { return !username.empty() || !identity_token.empty() || !registry_token.empty(); }
    std::string Basic() const;
  };

  // A server that has sent a 401, and what may be used there.
  struct Login {
    const Url& registry;
    const ClientTls& tls;
    const Credentials& credentials;
    const Interrupt& interrupt;
  };

  Authorizer(HttpClient& client, OriginTls& origin_tls, Credentials credentials, std::string repository)
      : client_(client),
        origin_tls_(origin_tls),
        credentials_(std::move(credentials)),
        repository_(std::move(repository)) {}

  static Result<Credentials> Choose(const std::optional<RegistryAuth>& auth);
  const Credentials& CredentialsFor(Audience audience, const Url& registry) const;
  Result<std::string> HeaderForChallenge(const Login& login, const AuthChallenge& challenge);
  Result<std::string> FetchToken(const Login& login, const AuthChallenge& challenge);
  Result<OutgoingRequest> TokenRequest(const Login& login, const AuthChallenge& challenge) const;
  std::vector<std::string> ScopesFor(const AuthChallenge& challenge) const;
  Result<HttpResponse> SendFollowing(const Login& login, OutgoingRequest request);

  HttpClient& client_;
  OriginTls& origin_tls_;
  const Credentials credentials_;
  const Credentials anonymous_;
  const std::string repository_;
  std::vector<std::string> scopes_;  // see RequestScopes

  Mutex fetching_;  // one token is fetched at a time; taken before mutex_
  mutable Mutex mutex_;
  std::map<std::pair<Audience, std::string>, std::string> headers_ GUARDED_BY(mutex_);  // by origin
};

}  // namespace davit::images
