// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Credentials in requests of Davit's own API.
#pragma once

#include <vector>

#include "api/davit/v1/davit.pb.h"
#include "base/error.h"
#include "images/registry_auth.h"

namespace davit::cri {

using ApiCredentials = google::protobuf::RepeatedPtrField<::davit::v1::Credentials>;

// kInvalidArgument for a field that is longer than the API allows; it names the field.
Result<> CheckLimits(const ::davit::v1::Credentials& credentials);
// The same for the credentials of sources, of which each has a server address.
Result<> CheckSourceLimits(const ApiCredentials& credentials);

images::RegistryAuth ToAuth(const ::davit::v1::Credentials& credentials);
std::vector<images::RegistryAuth> ToAuths(const ApiCredentials& credentials);

}  // namespace davit::cri
