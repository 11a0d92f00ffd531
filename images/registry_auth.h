// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Credentials for a registry, as the CRI's AuthConfig carries them.
#pragma once

#include <array>
#include <string>

namespace davit::images {

// Kept in memory for one pull only; never part of a log line, an error or a record.
struct RegistryAuth {
  std::string username;
  std::string password;
  std::string auth;            // base64 of "username:password", used when `username` is empty
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // a bearer token that is sent to the registry unchanged
  // The registry that they are for, as a URL or as HOST[:PORT]. Empty: all hosts that the configuration names
  // for the image.
  std::string server_address;

  bool operator==(const RegistryAuth&) const = default;

  // All members.
  std::array<const std::string*, 6> Fields() const {
    static_assert(sizeof(RegistryAuth) == 6 * sizeof(std::string));
    return {&username, &password, &auth, &identity_token, &registry_token, &server_address};
  }
};

}  // namespace davit::images
