// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Credentials for registries in Docker's configuration: $DOCKER_CONFIG/config.json, else
// ~/.docker/config.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/credential_helper.h"

namespace davit::cli {

// Finds, stores and erases credentials as docker does: `credHelpers` names a helper per registry,
// `credsStore` one for all others, and without one the credentials are in `auths`, encoded but not encrypted.
// Everything else in the file is kept. Registries are hosts as RegistryHost gives them.
class DockerConfig {
 public:
  // Of this user. kFailedPrecondition if neither $DOCKER_CONFIG nor $HOME is set. `interrupt_fd`: see
  // credential_helper.h.
  static Result<DockerConfig> OfUser(int interrupt_fd);
  DockerConfig(std::string directory, int interrupt_fd)
      : directory_(std::move(directory)), interrupt_fd_(interrupt_fd) {}

  std::string path() const { return directory_ + "/config.json"; }

  // nullopt if there are none. kInvalidArgument for a file that cannot be read as a configuration.
  Result<std::optional<RegistryLogin>> Find(const std::string& registry) const;

  enum class Keeper : uint8_t { kFile, kHelper };
  // Says who keeps them now. The file has mode 0600 and is replaced atomically.
  Result<Keeper> Store(const std::string& registry, const RegistryLogin& login) const;

  // False if there were none.
  Result<bool> Erase(const std::string& registry) const;

 private:
  Result<nlohmann::json> Read() const;
  Result<> Write(const nlohmann::json& document) const;
  Result<std::optional<CredentialHelper>> HelperFor(const nlohmann::json& document,
                                                    const std::string& registry) const;

  std::string directory_;
  int interrupt_fd_;
};

}  // namespace davit::cli
