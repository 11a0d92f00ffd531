// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The user's credentials in requests to the daemon.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/davit/v1/davit.pb.h"
#include "base/error.h"
#include "cli/credential_helper.h"
#include "cli/verbs.h"

namespace davit::cli {

::davit::v1::Credentials ToApi(const RegistryLogin& login);

// Of this registry (RegistryHost) in Docker's configuration, with its server address: no mirror gets them.
// nullopt if there are none.
Result<std::optional<::davit::v1::Credentials>> FindCredentials(const Session& session,
                                                                const std::string& registry);

// Of the registries that these images came from, as far as there are any.
Result<std::vector<::davit::v1::Credentials>> FindSourceCredentials(const Session& session,
                                                                    const std::vector<std::string>& images);

// Adds to the error of a pull or push what the user can do about it.
Error WithAdvice(Error error, const std::string& registry, bool had_credentials);

}  // namespace davit::cli
