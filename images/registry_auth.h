// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Credentials for a registry, as the CRI's AuthConfig carries them.
#pragma once

#include <string>

namespace davit::images {

// Kept in memory for one pull only; never part of a log line, an error or a record.
struct RegistryAuth {
  std::string username;
  std::string password;
  std::string auth;            // base64 of "username:password", used when `username` is empty
  std::string identity_token;  // an OAuth2 refresh token
  std::string registry_token;  // a bearer token that is sent to the registry unchanged

  bool operator==(const RegistryAuth&) const = default;
};

}  // namespace davit::images
