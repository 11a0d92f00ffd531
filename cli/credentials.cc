// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/credentials.h"

#include <cstdlib>

#include "cli/docker_config.h"
#include "cli/registry_name.h"

namespace davit::cli {

api::Credentials ToApi(const RegistryLogin& login) {
  api::Credentials credentials;
  credentials.set_username(login.username);
  credentials.set_password(login.password);
  credentials.set_identity_token(login.identity_token);
  return credentials;
}

Result<std::optional<api::Credentials>> FindCredentials(const Session& session, const std::string& registry) {
  // Services run without a home: their pulls are anonymous.
  if (getenv("HOME") == nullptr && getenv("DOCKER_CONFIG") == nullptr) return std::nullopt;
  DockerConfig config = TRY(DockerConfig::OfUser(session.interrupt.fd()));
  std::optional<RegistryLogin> login = TRY(config.Find(registry));
  if (!login) return std::nullopt;
  return ToApi(*login);
}

Error WithAdvice(Error error, const std::string& registry, bool had_credentials) {
  std::string login = "davit login" + (registry == kDockerHub ? "" : " " + registry);
  if (error.code == Code::kUnauthenticated)
    error.context += had_credentials ? "; log in again: " + login : "; log in: " + login;
  else if (error.code == Code::kPermissionDenied && error.context.find("davit.v1") == std::string::npos)
    error.context += had_credentials ? "; the user that is logged in may not do this"
                                     : "; a registry may say this to all who are not logged in: " + login;
  return error;
}

}  // namespace davit::cli
