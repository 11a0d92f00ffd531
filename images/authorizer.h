// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Answers a registry's 401 (distribution-spec and the token flow of
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

namespace davit {

// The credentials of one pull, and what servers have given for them. Thread-safe. No error of it contains a
// credential, a token or a URL.
class Authorizer {
 public:
  // Of RegistryAuth the first of username and password, identity token, `auth`, registry token that is there.
  // kInvalidArgument when `auth` is not base64 of "user:password". `client` outlives the authorizer;
  // `repository` is what tokens are asked for.
  static Result<std::unique_ptr<Authorizer>> Create(HttpClient& client,
                                                    const std::optional<RegistryAuth>& auth,
                                                    std::string repository);

  // The value of the Authorization header for requests to this origin (Url::Origin); empty before a server
  // asked for one: credentials never go to a host that has not.
  std::string HeaderFor(const std::string& origin) const;

  // Gets what the challenges of a 401 ask for, so that HeaderFor has it. `sent` is what the refused request
  // carried: when another thread has got something newer meanwhile, that is to be tried first.
  // kUnauthenticated when nothing more can be tried. `tls` is what the registry was reached with.
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

}  // namespace davit
