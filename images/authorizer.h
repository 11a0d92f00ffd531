// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Logs in to a registry that responds with 401 (distribution-spec and the token flow of
// docs.docker.com/registry/spec/auth/token).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "images/auth_challenge.h"
#include "images/http_client.h"
#include "images/registry_auth.h"

namespace davit::images {

// The credentials of one pull, and the tokens that servers issued for them. Thread-safe. Its errors never
// contain a credential, a token or a URL.
class Authorizer {
 public:
  // Uses the first that RegistryAuth contains of: username and password, identity token, RegistryAuth::auth,
  // registry token. kInvalidArgument if RegistryAuth::auth is not base64 of "user:password", or the registry
  // token cannot be part of a header. `client` must outlive the authorizer. Tokens are requested for
  // `repository`.
  static Result<std::unique_ptr<Authorizer>> Create(HttpClient& client,
                                                    const std::optional<RegistryAuth>& auth,
                                                    std::string repository);

  // The value of the Authorization header for requests to this origin (Url::Origin); empty until that server
  // has asked for one, so that no other registry host receives the credentials.
  std::string HeaderFor(const std::string& origin) const;

  // Obtains what the challenges of a 401 ask for; HeaderFor then returns it. `sent` is the Authorization
  // header of the refused request: if HeaderFor already returns a newer one, from another thread, the caller
  // retries with that one first. kUnauthenticated if no further login is possible, kUnavailable if the token
  // server fails. `tls` are the settings of the connection to the registry.
  Result<> Answer(const Url& registry, const std::vector<std::string>& www_authenticate,
                  const std::string& sent, const ClientTls* tls, const Interrupt& interrupt);

 private:
  struct Credentials {
    std::string username;
    std::string password;
    std::string identity_token;
    std::string registry_token;

    bool Any() const { return !username.empty() || !identity_token.empty() || !registry_token.empty(); }
    std::string Basic() const;
  };

  Authorizer(HttpClient& client, Credentials credentials, std::string repository)
      : client_(client), credentials_(std::move(credentials)), repository_(std::move(repository)) {}

  static Result<Credentials> Choose(const std::optional<RegistryAuth>& auth);
  Result<std::string> HeaderForChallenge(const Url& registry, const AuthChallenge& challenge,
                                         const ClientTls* tls, const Interrupt& interrupt);
  Result<std::string> FetchToken(const Url& registry, const AuthChallenge& challenge, const ClientTls* tls,
                                 const Interrupt& interrupt);
  Result<OutgoingRequest> TokenRequest(const Url& registry, const AuthChallenge& challenge) const;

  HttpClient& client_;
  const Credentials credentials_;
  const std::string repository_;

  Mutex fetching_;  // one token is fetched at a time; taken before mutex_
  mutable Mutex mutex_;
  std::map<std::string, std::string> headers_ GUARDED_BY(mutex_);  // by origin
};

}  // namespace davit::images
