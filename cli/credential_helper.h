// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Docker's credential helpers: programs that keep credentials in a key store (docker-credential-helpers,
// README).
#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace davit::cli {

// A password, or a token in its place.
struct RegistryLogin {
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token; the others are then empty

  bool operator==(const RegistryLogin&) const = default;
};

// The program docker-credential-NAME in $PATH. Errors have what the program says, and never a secret.
class CredentialHelper {
 public:
  // kNotFound if there is no such program; kInvalidArgument for a name that is a path. `interrupt_fd`: as in
  // base/run_program.h.
  static Result<CredentialHelper> Find(const std::string& name, int interrupt_fd);

  // nullopt if it has none for this address.
  Result<std::optional<RegistryLogin>> Get(const std::string& address) const;
  Result<> Store(const std::string& address, const RegistryLogin& login) const;
  // Not an error if it has none.
  Result<> Erase(const std::string& address) const;

 private:
  CredentialHelper(std::string program, int interrupt_fd)
      : program_(std::move(program)), interrupt_fd_(interrupt_fd) {}

  // The program's output; nullopt if it says that it has no such credentials.
  Result<std::optional<std::string>> Run(const std::string& action, std::string input) const;

  std::string program_;
  int interrupt_fd_;
};

}  // namespace davit::cli
