// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/api_credentials.h"

#include "cri/service/field_limits.h"

namespace davit::cri {

Result<> CheckLimits(const ::davit::v1::Credentials& credentials) {
  TRY(LimitText("credentials.username", credentials.username(), kMostNameBytes));
  TRY(LimitText("credentials.password", credentials.password(), kMostSecretBytes));
  TRY(LimitText("credentials.identity_token", credentials.identity_token(), kMostSecretBytes));
  TRY(LimitText("credentials.registry_token", credentials.registry_token(), kMostSecretBytes));
  return LimitText("credentials.server_address", credentials.server_address(), kMostNameBytes);
}

Result<> CheckSourceLimits(const ApiCredentials& credentials) {
  TRY(LimitCount("source_credentials", credentials.size(), kMostSourceCredentials));
  for (const ::davit::v1::Credentials& source : credentials) {
    TRY(CheckLimits(source));
    TRY(RequireText("source_credentials.server_address", source.server_address(), kMostNameBytes));
  }
  return {};
}

images::RegistryAuth ToAuth(const ::davit::v1::Credentials& credentials) {
  return {credentials.username(),       credentials.password(),       /*auth=*/"",
          credentials.identity_token(), credentials.registry_token(), credentials.server_address()};
}

std::vector<images::RegistryAuth> ToAuths(const ApiCredentials& credentials) {
  std::vector<images::RegistryAuth> auths;
  for (const ::davit::v1::Credentials& source : credentials) auths.push_back(ToAuth(source));
  return auths;
}

}  // namespace davit::cri
