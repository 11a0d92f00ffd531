// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/registry_name.h"

namespace davit::cli {
namespace {

constexpr char kDockerHubKey[] = "https://index.docker.io/v1/";

bool IsDockerHub(std::string_view host) {
  return host == kDockerHub || host == "index.docker.io" || host == "registry-1.docker.io" ||
         host == "registry.hub.docker.com";
}

}  // namespace

// As distribution/reference: the first part is a host if it cannot be a part of a repository's name.
std::string RegistryOf(std::string_view reference) {
  size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return kDockerHub;
  std::string_view first = reference.substr(0, slash);
  bool is_host = first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
                 first.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos;
  return is_host ? RegistryHost(first) : kDockerHub;
}

std::string RegistryHost(std::string_view address) {
  if (size_t scheme = address.find("://"); scheme != std::string_view::npos)
    address.remove_prefix(scheme + 3);
  std::string_view host = address.substr(0, address.find('/'));
  return IsDockerHub(host) ? kDockerHub : std::string(host);
}

std::string CredentialKey(const std::string& registry_host) {
  return registry_host == kDockerHub ? kDockerHubKey : registry_host;
}

}  // namespace davit::cli
