// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/credentials.h"

#include <cstdlib>
#include <set>

#include "cli/docker_config.h"
#include "cli/image_list.h"
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
  api::Credentials credentials = ToApi(*login);
  credentials.set_server_address(registry);
  return credentials;
}

Result<std::vector<api::Credentials>> FindSourceCredentials(const Session& session,
                                                            const std::vector<std::string>& images) {
  std::set<std::string> registries;
  for (const std::string& name : images) {
    api::ListImagesRequest request;
    request.set_image(name);
    for (const api::Image& image : TRY(ListImages(session.daemon, request)))
      for (const std::string& digest : image.digests()) registries.insert(RegistryOf(digest));
  }
  std::vector<api::Credentials> found;
  for (const std::string& registry : registries) {
    std::optional<api::Credentials> credentials = TRY(FindCredentials(session, registry));
    if (credentials) found.push_back(std::move(*credentials));
  }
  return found;
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
