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
#include "images/attempts.h"
#include "images/auth_challenge.h"
#include "images/http_client.h"
#include "images/origin_tls.h"
#include "images/registry_auth.h"

namespace davit::images {

// Whether a server address as in RegistryAuth names the registry `host` of a reference ("docker.io").
bool IsAddressOf(const std::string& server_address, const std::string& host);

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

  // The configuration names `server`, in the form of RegistryHost::host, as the registry itself that
  // references call `registry`: credentials for that one are for the server as well, whatever its name. Call
  // it before the first request.
  void SetServer(std::string registry, std::string server) {
    registry_ = std::move(registry);
    server_ = std::move(server);
  }

  // Whether it was given any credentials, and whether they are for others than this server.
  bool has_credentials() const { return credentials_.Any(); }
  bool Withholds(Audience audience, const Url& server) const {
    return credentials_.Any() && !CredentialsFor(audience, server).Any();
  }

  // The value of the Authorization header for requests to the origin of `url`; empty until that server has
  // asked for one, so that no other registry host receives the credentials.
  std::string HeaderFor(Audience audience, const Url& url) const;

  // Obtains what the challenges of a 401 ask for; HeaderFor then returns it. `sent` is the Authorization
  // header of the refused request: if HeaderFor already returns a newer one, from another thread, the caller
  // retries with that one first. A redirect target, and a host other than that of
  // RegistryAuth::server_address (SetServer), gets anonymous tokens only. kUnauthenticated if no further
  // login is possible, kUnavailable if the token server fails; a pause that it asks for is part of the
  // setback. `refused` is the request, whose TLS settings and proxy are used for the token server as well.
  Attempted<> Answer(Audience audience, const OutgoingRequest& refused,
                     const std::vector<std::string>& www_authenticate, const std::string& sent,
                     const Interrupt& interrupt);

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
    const std::optional<std::string>& proxy;  // as in OutgoingRequest
    const Interrupt& interrupt;
  };

  Authorizer(HttpClient& client, OriginTls& origin_tls, Credentials credentials, std::string repository)
      : client_(client),
        origin_tls_(origin_tls),
        credentials_(std::move(credentials)),
        repository_(std::move(repository)) {}

  static Result<Credentials> Choose(const std::optional<RegistryAuth>& auth);
  const Credentials& CredentialsFor(Audience audience, const Url& registry) const;
  std::unexpected<Error> Anonymous(const Login& login, const std::string& host, std::string_view who) const;
  Attempted<std::string> HeaderForChallenge(const Login& login, const AuthChallenge& challenge);
  Attempted<std::string> FetchToken(const Login& login, const AuthChallenge& challenge);
  Result<OutgoingRequest> TokenRequest(const Login& login, const AuthChallenge& challenge) const;
  std::vector<std::string> ScopesFor(const AuthChallenge& challenge) const;
  Attempted<HttpResponse> Send(const Login& login, OutgoingRequest request);

  HttpClient& client_;
  OriginTls& origin_tls_;
  const Credentials credentials_;
  const Credentials anonymous_;
  const std::string repository_;
  std::vector<std::string> scopes_;  // see RequestScopes
  std::string registry_;             // see SetServer
  std::string server_;

  Mutex fetching_;  // one token is fetched at a time; taken before mutex_
  mutable Mutex mutex_;
  std::map<std::pair<Audience, std::string>, std::string> headers_ GUARDED_BY(mutex_);  // by origin
};

}  // namespace davit::images
