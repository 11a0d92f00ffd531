// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names of registries, as people and Docker's configuration write them.
#pragma once

#include <string>
#include <string_view>

namespace davit::cli {

inline constexpr char kDockerHub[] = "docker.io";

// The registry of an image reference: "docker.io" if the reference names none. Does not check the rest.
std::string RegistryOf(std::string_view reference);

// The host, with its port, of a registry's address: a URL, or HOST[:PORT] with or without a path. The names
// of Docker Hub's servers give "docker.io".
std::string RegistryHost(std::string_view address);

// The key of a registry in Docker's configuration, and its address for credential helpers: the host, except
// for Docker Hub.
std::string CredentialKey(const std::string& registry_host);

}  // namespace davit::cli
